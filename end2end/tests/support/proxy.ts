// A wire between browser and server that can be cut: Playwright's own "offline" leaves sockets alone.
import { once } from "node:events";
import net from "node:net";

export class Proxy {
  private readonly sockets = new Set<net.Socket>();
  private listener?: net.Server;
  private port = 0;

  private constructor(private readonly target: () => number) {}

  /** Listens on a free port and passes everything on to the port that `target` names at that time. */
  static async start(target: () => number): Promise<Proxy> {
    const proxy = new Proxy(target);
    await proxy.resume();
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Breaks every connection, and refuses new ones until `resume`. */
  async cut(): Promise<void> {
    const listener = this.listener;
    this.listener = undefined;
    listener?.close();
    for (const socket of this.sockets) socket.resetAndDestroy();
    this.sockets.clear();
    if (listener?.listening) await once(listener, "close");
  }

  /** Lets connections through again, on the same port. */
  async resume(): Promise<void> {
    const listener = net.createServer((browser) => this.join(browser));
    listener.listen(this.port, "127.0.0.1");
    await once(listener, "listening");
    this.listener = listener;
    this.port = (listener.address() as net.AddressInfo).port;
  }

  private join(browser: net.Socket): void {
    const server = net.connect(this.target(), "127.0.0.1");
    for (const [from, to] of [
      [browser, server],
      [server, browser],
    ]) {
      from.setNoDelay(true);
      this.sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
