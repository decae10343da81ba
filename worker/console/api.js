// Asks the server: JSON, and events that go on. The key lives in this tab's session alone.

import { currentLanguage } from "./i18n.js";

const STORED = "millrace-key";
const BASE = "../"; // the console lies one below the API, whatever path a proxy puts before both
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? "");
    this.status = status;
    this.title = body.title ?? "";
    this.remedy = body.remedy ?? "";
    this.events = body.events ?? [];
  }
}

export function key() {
  return sessionStorage.getItem(STORED) ?? "";
}

export function setKey(text) {
  if (text) sessionStorage.setItem(STORED, text);
  else sessionStorage.removeItem(STORED);
}

// A path from parts, each of which may hold anything: path`v1/users/${user}/follow`.
export function path(parts, ...values) {
  return parts.reduce((all, part, place) => all + encodeURIComponent(values[place - 1]) + part);
}

function headers(body) {
  const all = { "Accept-Language": currentLanguage() };
  if (key()) all.Authorization = `Bearer ${key()}`;
  if (body !== undefined) all["Content-Type"] = "application/json";
  return all;
}

async function send(address, { method = "GET", body, signal } = {}) {
  const options = { method, headers: headers(body), signal, cache: "no-store" };
  if (body !== undefined) options.body = JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(BASE + address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {});
  }
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

// The answer as JSON; null where it has no body. Throws Problem; status 0 = no server answers.
export async function ask(address, options) {
  const answer = await send(address, options);
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

// Events until `signal` aborts: `onEvent(kind, content)`; `onState("live" | "away", problem)` as the connection comes
// and goes. What the server refuses for good (a wrong key, no such route) is thrown.
export async function follow(address, { signal, onEvent, onState }) {
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    let problem = new Problem(0, {});
    try {
      const answer = await send(address, { signal });
      onState("live");
      pause = FIRST_PAUSE_MS;
      await readEvents(answer.body, onEvent);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status !== 0 && error.status !== 503) throw error;
      if (error instanceof Problem) problem = error;
      else if (!(error instanceof TypeError)) throw error; // a TypeError is a connection that broke
    }
    if (signal.aborted) return;
    onState("away", problem);
    await elapsed(pause, signal);
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }
}

async function readEvents(body, onEvent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) tell(block, onEvent);
  }
}

function tell(block, onEvent) {
  const lines = block.split("\n");
  const after = (name) => lines.find((line) => line.startsWith(name))?.slice(name.length);
  const kind = after("event: ");
  if (kind) onEvent(kind, JSON.parse(after("data: ")));
}

export function elapsed(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); });
  });
}

let described = null;

// Whether this server has a route: an older one, or one with fewer settings, may not.
export async function hasRoute(route, method = "get") {
  described ??= ask("v1/openapi.json");
  try {
    const paths = (await described).paths;
    return method in (paths[route] ?? {});
  } catch (error) {
    described = null;
    throw error;
  }
}
