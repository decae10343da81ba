// The console: its header, which page shows, and the key that the server may ask for. START READING HERE.

import { setKey, key } from "./api.js";
import { el, fill, byId } from "./dom.js";
import { LANGUAGES, chooseLanguage, currentLanguage, t } from "./i18n.js";
import { failed } from "./states.js";
import * as exposure from "./pages/exposure.js";
import * as item from "./pages/item.js";
import * as overview from "./pages/overview.js";
import * as review from "./pages/review.js";
import * as rules from "./pages/rules.js";
import * as user from "./pages/user.js";
import * as whatIf from "./pages/what_if.js";

const PAGES = { "": overview, user, item, "what-if": whatIf, rules, review, exposure };
const THEMES = ["system", "light", "dark"];

let shown = null;

// Where the address leads: the page's name and what it is about.
function place() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  return { name: name in PAGES ? name : "", about: decoded(rest.join("/")) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an address that somebody typed
  }
}

function show({ focus = false } = {}) {
  shown?.abort();
  shown = new AbortController();
  const { name, about } = place();
  const main = byId("main");
  fill(main);
  header(name);
  try {
    PAGES[name].show(main, about, shown.signal);
  } catch (error) {
    fill(main, failed(error));
    throw error;
  }
  const heading = main.querySelector("h1");
  document.title = `${heading?.textContent ?? t("nav.overview")} – Millrace`;
  if (focus) (heading ?? main).focus();
}

function header(current) {
  document.documentElement.lang = currentLanguage();
  byId("skip").textContent = t("nav.skip");
  const links = Object.keys(PAGES).map((name) =>
    el("li", {}, el("a", { href: `#/${name}`, "aria-current": name === current && "page" }, t(`nav.${name || "overview"}`))),
  );
  fill(
    byId("header"),
    el("a", { class: "brand", href: "#/" }, el("img", { src: "favicon.svg", alt: "", width: 22, height: 22 }), "Millrace"),
    el("nav", { "aria-label": t("nav.label") }, el("ul", {}, links)),
    el("div", { class: "controls" }, languageControl(), themeControl(), keyControl()),
  );
}

function languageControl() {
  const options = Object.entries(LANGUAGES).map(([code, name]) =>
    el("option", { value: code, lang: code, selected: code === currentLanguage() }, name),
  );
  const changed = (event) => {
    chooseLanguage(event.target.value);
    show();
    byId("language").focus();
  };
  return el("select", { id: "language", "aria-label": t("control.language"), on: { change: changed } }, options);
}

function themeControl() {
  const chosen = localStorage.getItem("millrace-theme") ?? "system";
  const options = THEMES.map((name) => el("option", { value: name, selected: name === chosen }, t(`theme.${name}`)));
  const changed = (event) => {
    chooseTheme(event.target.value);
    show(); // charts are drawn in the theme's colours
    byId("theme").focus();
  };
  return el("select", { id: "theme", "aria-label": t("control.theme"), on: { change: changed } }, options);
}

function chooseTheme(name) {
  localStorage.setItem("millrace-theme", name);
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}

// -- the key ----------------------------------------------------------------------------------------------------

function keyControl() {
  const title = key() ? t("key.set") : t("key.none");
  return el("button", { type: "button", class: "quiet", title, on: { click: askForKey } }, t("key.button"));
}

function askForKey() {
  if (document.querySelector("dialog[open]")) return;
  const input = el("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", value: key() });
  const dialog = el("dialog", { "aria-labelledby": "key-title" });
  const close = () => dialog.close();
  const keep = (event) => {
    event.preventDefault();
    setKey(input.value.trim());
    dialog.close();
    show();
  };
  fill(
    dialog,
    el(
      "form",
      { on: { submit: keep } },
      el("h2", { id: "key-title" }, t("key.title")),
      el("p", {}, t("key.hint")),
      el("label", { for: "key" }, t("key.label")),
      input,
      el(
        "div",
        { class: "row" },
        el("button", { type: "submit", class: "main" }, t("key.keep")),
        el("button", { type: "button", on: { click: close } }, t("key.cancel")),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

byId("main").addEventListener("problem", (event) => {
  if (event.detail.status === 401) askForKey();
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address after # is the page's
  byId("main").focus();
});
addEventListener("hashchange", () => show({ focus: true }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show());
show();
