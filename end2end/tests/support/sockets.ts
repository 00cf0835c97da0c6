// What goes over a page's sockets, as frames.
import type { Page } from "@playwright/test";

export type Frame = {
  type: string;
  channel?: string;
  since?: string;
  position?: string;
  payload?: { type: string; record?: Record<string, unknown>; old_record?: Record<string, unknown> };
};

/** The frames of one socket, in order. */
export type Socket = { url: string; sent: Frame[]; received: Frame[]; closed: boolean };

/** Follows every WebSocket that the page opens from now on. */
export function watchSockets(page: Page): Socket[] {
  const sockets: Socket[] = [];
  page.on("websocket", (socket) => {
    const watched: Socket = { url: socket.url(), sent: [], received: [], closed: false };
    sockets.push(watched);
    socket.on("framesent", ({ payload }) => watched.sent.push(JSON.parse(String(payload))));
    socket.on("framereceived", ({ payload }) => watched.received.push(JSON.parse(String(payload))));
    socket.on("close", () => (watched.closed = true));
  });
  return sockets;
}

/** The channels that frames of one type name, in order. */
export function channels(frames: Frame[], type: string): string[] {
  return frames.filter((frame) => frame.type === type).map((frame) => frame.channel ?? "");
}

/** The number in the log, from a position such as `9f86d081884c7d65-1042`. */
export function offset(frame: Frame): number {
  return Number(frame.position?.split("-")[1] ?? Number.NaN);
}
