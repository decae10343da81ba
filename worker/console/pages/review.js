// Review: items that users reported and lists that look odd; a person blocks, buries or dismisses.

import { ask, hasRoute, path } from "../api.js";
import { announce, el, fill } from "../dom.js";
import { title } from "../item_list.js";
import { moment } from "../format.js";
import { known, t } from "../i18n.js";
import { empty, filled, inWords, unavailable } from "../states.js";

const DECISIONS = ["block", "bury", "dismiss"];

export function show(main, _about, signal) {
  const body = el("div");
  fill(main, el("div", { class: "title" }, el("h1", { tabindex: -1 }, t("nav.review"))), el("p", { class: "muted" }, t("review.hint")), body);
  filled(body, () => refresh(body, signal));
}

async function refresh(body, signal) {
  if (!(await hasRoute("/v1/review"))) {
    fill(body, unavailable(t("nav.review")));
    return;
  }
  const answer = await ask("v1/review", { signal });
  const cases = Array.isArray(answer) ? answer : (answer.cases ?? answer.items);
  const decided = () => filled(body, () => refresh(body, signal));
  fill(body, cases.length ? el("ul", { class: "cases" }, cases.map((each) => card(each, decided))) : empty(t("review.none"), t("review.none.hint")));
}

function card(each, decided) {
  const status = el("p", { role: "status", class: "bad" });
  const decide = async (decision) => {
    try {
      const author = localStorage.getItem("millrace-author") ?? "";
      await ask(path`v1/review/${each.id}`, { method: "POST", body: { decision, author } });
      announce(t("review.decided", { decision: known("action", decision) }));
      decided();
    } catch (problem) {
      status.textContent = inWords(problem).filter(Boolean).join(". ");
      status.dispatchEvent(new CustomEvent("problem", { bubbles: true, detail: problem }));
    }
  };
  return el(
    "li",
    { class: "card" },
    el("h2", {}, title(each.item_id ?? each.user_id ?? each.id, each.title)),
    el("p", {}, each.reason ?? each.detail, " ", el("span", { class: "muted" }, (each.at || each.ts) && moment(each.at ?? each.ts))),
    el("div", { class: "row" }, DECISIONS.map((decision) => el("button", { type: "button", on: { click: () => decide(decision) } }, known("action", decision)))),
    status,
  );
}
