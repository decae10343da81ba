// Rules: what is blocked, pinned, boosted or buried, by whom and until when; new ones, and taking them back.

import { ask, elapsed, hasRoute, path } from "../api.js";
import { author, keepAuthor } from "../author.js";
import { announce, el, fill, freshId } from "../dom.js";
import { moment, times } from "../format.js";
import { known, t } from "../i18n.js";
import { empty, filled, inWords, unavailable } from "../states.js";

const ACTIONS = ["block", "pin", "boost", "bury"];
const USUAL_STRENGTH = 4; // what the server leaves out
const LOOK_MS = 200;
const MOST_LOOKS = 25;
const HOUR_MS = 3_600_000;
const TIMES = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 168 * HOUR_MS, never: 0 };

export function show(main, _about, signal) {
  const body = el("div");
  fill(main, el("div", { class: "title" }, el("h1", { tabindex: -1 }, t("nav.rules"))), el("p", { class: "muted" }, t("rules.hint")), body);
  filled(body, async () => {
    if (await hasRoute("/v1/rules")) await new Rules(signal).showIn(body);
    else fill(body, unavailable(t("nav.rules")));
  });
}

class Rules {
  constructor(signal) {
    this.signal = signal;
    this.list = el("div");
  }

  async showIn(body) {
    const form = new RuleForm((made) => this.refreshUntil((rules) => rules.some((rule) => rule.id === made.id)));
    fill(body, form.element, el("section", { class: "card" }, el("h2", {}, t("rules.list")), this.list));
    await filled(this.list, () => this.refresh());
  }

  async refresh() {
    const { rules } = await ask("v1/rules", { signal: this.signal });
    fill(this.list, rules.length ? this.table(rules) : empty(t("rules.none"), t("rules.none.hint")));
    return rules;
  }

  // The server reads decisions from Kafka as workers do: a moment later.
  async refreshUntil(shows) {
    for (let look = 0; look < MOST_LOOKS && !shows(await this.refresh()); look += 1) await elapsed(LOOK_MS, this.signal);
  }

  table(rules) {
    const heads = ["action", "target", "user", "until", "author", "note"].map((name) => el("th", { scope: "col" }, t(`rules.${name}`)));
    return el(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": t("rules.list") },
      el("table", {}, el("thead", {}, el("tr", {}, heads, el("th", {}, el("span", { class: "unseen" }, t("rules.take_back"))))), el("tbody", {}, rules.map((rule) => this.row(rule)))),
    );
  }

  row(rule) {
    const status = el("span", { role: "status", class: "bad" });
    const target = rule.item_id ? el("a", { href: `#/${path`item/${rule.item_id}`}` }, rule.item_id) : t("rules.of_category", { category: rule.category });
    const takeBack = () => this.takeBack(rule, status);
    const label = t("rules.take_back.of", { action: known("action", rule.action), target: rule.item_id || rule.category });
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, known("action", rule.action), strength(rule)),
      el("td", {}, target),
      el("td", {}, rule.user_id || t("rules.everyone")),
      el("td", {}, rule.expires_at ? moment(rule.expires_at) : t("rules.never")),
      el("td", {}, rule.author),
      el("td", {}, rule.note),
      el("td", {}, el("button", { type: "button", "aria-label": label, on: { click: takeBack } }, t("rules.take_back")), status),
    );
  }

  async takeBack(rule, status) {
    try {
      await ask(path`v1/rules/${rule.id}?author=${author()}`, { method: "DELETE" });
      announce(t("rules.taken_back"));
      await this.refreshUntil((rules) => !rules.some((each) => each.id === rule.id));
    } catch (problem) {
      status.textContent = inWords(problem).filter(Boolean).join(". ");
    }
  }
}

function strength(rule) {
  if (rule.action === "pin") return el("small", {}, t("rules.at_place", { place: rule.place ?? 1 }));
  return rule.action === "boost" || rule.action === "bury" ? el("small", {}, `${rule.action === "boost" ? "×" : "÷"} ${times(rule.strength ?? USUAL_STRENGTH)}`) : null;
}

class RuleForm {
  constructor(onMade) {
    this.onMade = onMade;
    this.status = el("p", { role: "status" });
    this.fields = {
      action: select("rules.action", ACTIONS.map((each) => [each, known("action", each)])),
      by: select("rules.by", ["item", "category"].map((each) => [each, t(`rules.by.${each}`)])),
      target: input("rules.target", { required: true }),
      user: input("rules.user.optional"),
      place: input("rules.place", { type: "number", min: 1, max: 100, value: 1 }),
      strength: input("rules.strength", { type: "number", min: 1, step: "any", value: USUAL_STRENGTH }),
      until: select("rules.until", Object.keys(TIMES).map((each) => [each, t(`rules.for.${each}`)])),
      author: input("rules.author", { required: true, value: author() }),
      note: input("rules.note"),
    };
    this.fields.action.control.addEventListener("change", () => this.fit());
    this.element = el(
      "section",
      { class: "card" },
      el("h2", {}, t("rules.new")),
      el(
        "form",
        { class: "fields across", on: { submit: (event) => this.submit(event) } },
        Object.values(this.fields).map((field) => field.element),
        el("button", { type: "submit", class: "main" }, t("rules.make")),
      ),
      this.status,
    );
    this.fit();
  }

  // Only what the chosen action has.
  fit() {
    const action = this.fields.action.control.value;
    this.fields.place.element.hidden = action !== "pin";
    this.fields.strength.element.hidden = action !== "boost" && action !== "bury";
  }

  content() {
    const of = (name) => this.fields[name].control.value.trim();
    const content = { action: of("action"), author: of("author"), note: of("note") };
    content[of("by") === "item" ? "item_id" : "category"] = of("target");
    if (of("user")) content.user_id = of("user");
    if (content.action === "pin") content.place = Number(of("place"));
    if (content.action === "boost" || content.action === "bury") content.strength = Number(of("strength"));
    if (TIMES[of("until")]) content.expires_at = Date.now() + TIMES[of("until")];
    return content;
  }

  async submit(event) {
    event.preventDefault();
    const content = this.content();
    keepAuthor(content.author);
    this.status.className = "muted";
    this.status.textContent = t("event.sending");
    try {
      const made = await ask("v1/rules", { method: "POST", body: content });
      this.status.textContent = t("rules.made");
      this.fields.target.control.value = "";
      await this.onMade(made);
    } catch (problem) {
      this.status.className = "bad";
      this.status.textContent = inWords(problem).filter(Boolean).join(". ");
      this.status.dispatchEvent(new CustomEvent("problem", { bubbles: true, detail: problem }));
    }
  }
}

function input(label, attributes = {}) {
  return field(label, "input", { autocomplete: "off", spellcheck: "false", ...attributes });
}

function select(label, options) {
  return field(label, "select", {}, options.map(([value, text]) => el("option", { value }, text)));
}

function field(label, tag, attributes, children = []) {
  const id = freshId("field");
  const control = el(tag, { id, ...attributes }, children);
  return { control, element: el("div", { class: "field" }, el("label", { for: id }, t(label)), control) };
}
