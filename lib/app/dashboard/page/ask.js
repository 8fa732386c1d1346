// Requests to the service: over HTTP from a page, over the kernel's channel from a notebook.

export class Refusal extends Error {
  // What the service refuses, in its own words; `fields` has the sentence for each wrong field.
  constructor(status, answer) {
    super(answer.message || `The server answered with status ${status}.`);
    this.status = status;
    this.fields = Object.fromEntries((answer.errors || []).filter((e) => e.field).map((e) => [e.field, sentence(e)]));
  }
}

function sentence(error) {
  const rule = String(error.rule);
  return /[.!]$/.test(rule) || rule.includes(". ") ? rule : `${error.value ?? "Nothing"} is not allowed. Allowed: ${rule}.`;
}

const AWAY = "The server does not answer. Trainings go on there; this page tries again.";

export function overHttp(base, version) {
  const visitor = recall("visitor", () => [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  async function ask(method, path, body) {
    const headers = { "X-Visitor": visitor, "Content-Type": "application/json" };
    const token = localStorage.getItem("forecasts token");
    if (token) headers.Authorization = `Bearer ${token}`;
    let answer;
    try {
      answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
    } catch {
      throw new Refusal(0, { message: AWAY });
    }
    const text = await answer.text();
    return understood(answer.status, text);
  }
  function library(name) {
    return loaded(`${base}page/${name}?v=${version}`);
  }
  return { ask, library, linked: true };
}

export function overKernel(model) {
  const waiting = new Map();
  let last = 0;
  model.on("msg:custom", async (about, buffers) => {
    const settle = waiting.get(about.id);
    waiting.delete(about.id);
    if (!settle) return;
    const blob = new Blob([buffers[0]]);
    const stream = about.packed ? blob.stream().pipeThrough(new DecompressionStream("gzip")) : blob.stream();
    settle({ status: about.status, text: await new Response(stream).text() });
  });
  function sent(method, path, body) {
    const id = `${Date.now()}-${(last += 1)}`;
    return new Promise((settle) => {
      waiting.set(id, settle);
      model.send({ id, method, path, body: body ?? null });
    });
  }
  async function ask(method, path, body) {
    const { status, text } = await sent(method, path, body);
    return understood(status, text);
  }
  async function library(name) {
    const { text } = await sent("GET", `page/${name}`);
    // Without a loader of modules around, which would take the library for itself.
    const alone = `(function (define, module, exports) {${text}\n}).call(window);`;
    const address = URL.createObjectURL(new Blob([alone], { type: "text/javascript" }));
    await loaded(address);
    URL.revokeObjectURL(address);
  }
  return { ask, library, linked: false };
}

function understood(status, text) {
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    throw new Refusal(status, {});
  }
  if (status >= 400) throw new Refusal(status, answer || {});
  return answer;
}

const scripts = new Map();

function loaded(address) {
  if (!scripts.has(address)) {
    scripts.set(address, new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = done;
      script.onerror = () => {
        scripts.delete(address);
        failed(new Refusal(0, { message: AWAY }));
      };
      document.head.append(script);
    }));
  }
  return scripts.get(address);
}

// What this browser remembers; a browser that remembers nothing is no reason to stop.
export function recall(name, make) {
  try {
    const known = localStorage.getItem(`forecasts ${name}`);
    if (known !== null) return JSON.parse(known);
  } catch { /* not ours, or not allowed */ }
  const made = make();
  remember(name, made);
  return made;
}

export function remember(name, value) {
  try {
    localStorage.setItem(`forecasts ${name}`, JSON.stringify(value));
  } catch { /* private windows */ }
}
