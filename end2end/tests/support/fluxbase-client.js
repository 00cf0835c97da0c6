// The browser code that Fluxbase's "Realtime Subscriptions" document shows to its readers, as it stands there;
// types are taken out, for a browser runs no TypeScript. fluxbase.spec.ts replaces the address
// ws://localhost:8080 and runs it: whoever followed that document finds their client working here.
// Between the marks is the document's code; the `window.…` around it lets the test call it.

window.quickStart = () => {
  // --- Quick Start, 1. Connect to WebSocket ---
  // Connect to the realtime endpoint
  const ws = new WebSocket('ws://localhost:8080/realtime');

  ws.onopen = () => {
    console.log('Connected to Fluxbase realtime');
  };
  // --- end ---

  window.subscribe = () => {
    // --- 2. Subscribe to a Table ---
    // Subscribe to changes on the products table
    ws.send(JSON.stringify({
      type: 'subscribe',
      channel: 'table:public.products'
    }));
    // --- end ---
  };

  // --- 3. Receive Changes ---
  ws.onmessage = (event) => {
    const message = JSON.parse(event.data);

    switch (message.type) {
      case 'broadcast':
        console.log('Database change:', message.payload);
        // Handle INSERT, UPDATE, or DELETE
        break;
      case 'ack':
        console.log('Subscription confirmed');
        break;
      case 'heartbeat':
        // Connection is alive
        break;
    }
  };
  // --- end ---

  window.unsubscribe = () => {
    // The document shows this message as JSON.
    ws.send(JSON.stringify({ "type": "unsubscribe", "channel": "table:public.products" }));
  };
};

// A stand-in for the two React functions that the document's hook calls: state by the order of the calls,
// effects that run anew when what they depend on has changed.
const { useState, useEffect, render } = (() => {
  let slots = [];
  let next = 0;
  let draw = () => {};
  let effects = [];
  const useState = (initial) => {
    const at = next++;
    if (!(at in slots)) slots[at] = initial;
    const set = (value) => {
      slots[at] = typeof value === 'function' ? value(slots[at]) : value;
      draw();
    };
    return [slots[at], set];
  };
  const useEffect = (effect, needs) => {
    const at = next++;
    const before = slots[at];
    if (before && before.needs.every((need, n) => Object.is(need, needs[n]))) return;
    effects.push(() => {
      before?.clean?.();
      slots[at] = { needs, clean: effect() };
    });
    slots[at] ??= { needs };
  };
  const render = (component, show) => {
    draw = () => {
      next = 0;
      effects = [];
      show(component());
      for (const effect of effects) effect();
    };
    draw();
    return () => slots.forEach((slot) => slot?.clean?.());
  };
  return { useState, useEffect, render };
})();

// --- React Example ---
function useRealtime(channel, token) {
  const [data, setData] = useState([]);
  const [connected, setConnected] = useState(false);

  useEffect(() => {
    const url = token
      ? `ws://localhost:8080/realtime?token=${token}`
      : 'ws://localhost:8080/realtime';

    const ws = new WebSocket(url);

    ws.onopen = () => {
      setConnected(true);
      // Subscribe to channel
      ws.send(JSON.stringify({
        type: 'subscribe',
        channel
      }));
    };

    ws.onmessage = (event) => {
      const message = JSON.parse(event.data);

      if (message.type === 'broadcast') {
        const { type, record, old_record } = message.payload;

        setData(prev => {
          switch (type) {
            case 'INSERT':
              return [...prev, record];
            case 'UPDATE':
              return prev.map(item =>
                item.id === record.id ? record : item
              );
            case 'DELETE':
              return prev.filter(item => item.id !== old_record.id);
            default:
              return prev;
          }
        });
      }
    };

    ws.onclose = () => {
      setConnected(false);
    };

    return () => {
      ws.close();
    };
  }, [channel, token]);

  return { data, connected };
}
// --- end ---

window.productList = () => {
  // --- Usage (its JSX as plain HTML) ---
  function ProductList() {
    const { data: products, connected } = useRealtime(
      'table:public.products',
      localStorage.getItem('token')
    );

    return `
      <div>
        <div>Status: ${connected ? 'Connected' : 'Disconnected'}</div>
        ${products.map(product => (
          `<div key="${product.id}">${product.name}</div>`
        )).join('')}
      </div>
    `;
  }
  // --- end ---

  window.unmount = render(ProductList, (html) => {
    document.body.innerHTML = html;
  });
};
