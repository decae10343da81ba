// What stands in place of content: loading, nothing there, and what went wrong.

import { el, fill } from "./dom.js";
import { t } from "./i18n.js";

export function loading(what = t("state.loading")) {
  return el("div", { class: "state", role: "status" }, el("span", { class: "spinner", "aria-hidden": "true" }), what);
}

export function empty(title, hint = "") {
  return el("div", { class: "state" }, el("strong", {}, title), hint && el("p", {}, hint));
}

// A problem, with what to do about it. `again` is called by the button.
export function failed(problem, again = null) {
  const [title, detail, remedy] = inWords(problem);
  return el(
    "div",
    { class: "state bad", role: "alert" },
    el("strong", {}, title),
    detail && el("p", {}, detail),
    remedy && el("p", { class: "muted" }, remedy),
    again && el("button", { type: "button", on: { click: again } }, t("state.again")),
  );
}

export function inWords(problem) {
  if (problem.status === undefined) return [t("state.broken"), String(problem.message), ""];
  if (problem.status === 0) return [t("state.away"), t("state.away.hint"), ""];
  if (problem.status === 401) return [t("state.key"), t("state.key.hint"), ""];
  if (problem.status === 403) return [t("state.scope"), problem.message, t("state.scope.hint")];
  const faults = problem.events.map((each) => each.detail).join("; ");
  return [problem.title || t("state.broken"), [problem.message, faults].filter(Boolean).join(": "), problem.remedy];
}

// Runs what fills a place; shows that it is loading, and what goes wrong.
export async function filled(place, work) {
  fill(place, loading());
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    fill(place, failed(error, () => filled(place, work)));
    place.dispatchEvent(new CustomEvent("problem", { bubbles: true, detail: error }));
  }
}

// A part of the console that this server has no route for.
export function unavailable(what) {
  return empty(t("state.unavailable", { what }), t("state.unavailable.hint"));
}
