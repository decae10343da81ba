// Exposure: how the lists that stand published spread over the items.

import { follow } from "../api.js";
import { Chart } from "../charts.js";
import { el, fill } from "../dom.js";
import { count, isKnown, percent, ratio } from "../format.js";
import { t } from "../i18n.js";
import { empty, failed, inWords, loading } from "../states.js";
import { Tile } from "../tile.js";
import { WorkerFeed } from "../worker_feed.js";

const TILES = [
  { name: "coverage", value: (now) => percent(now.coverage), unit: "unit.percent" },
  { name: "gini", value: (now) => ratio(now.gini), unit: "unit.index" },
  { name: "head", value: (now) => percent(now.head_share), unit: "unit.percent" },
  { name: "known_items", value: (now) => count(now.known_items), unit: "unit.items" },
];

export function show(main, _about, signal) {
  const status = el("p", { class: "status", role: "status" });
  const body = el("div", {}, loading());
  fill(main, el("div", { class: "title" }, el("h1", { tabindex: -1 }, t("nav.exposure")), status), el("p", { class: "muted" }, t("exposure.hint")), body);
  const feed = new WorkerFeed();
  let view = null;
  const onEvent = (kind, content) => {
    feed.take(kind, content);
    if (kind !== "overview") return;
    if (isKnown(content.total?.coverage)) (view ??= new View(body, signal)).update(feed);
    else if (!view) fill(body, empty(t("exposure.none"), t("exposure.none.hint")));
  };
  const onState = (state, problem) => {
    status.textContent = state === "live" ? t("overview.live") : inWords(problem)[0];
    status.classList.toggle("bad", state !== "live");
  };
  follow("v1/overview", { signal, onEvent, onState }).catch((problem) => {
    fill(body, problem.status === 501 ? empty(t("overview.none"), t("overview.none.hint")) : failed(problem));
    body.dispatchEvent(new CustomEvent("problem", { bubbles: true, detail: problem }));
  });
}

class View {
  constructor(body, signal) {
    this.tiles = TILES.map((each) => new Tile(each));
    this.charts = charts();
    this.workers = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("workers.title") });
    fill(
      body,
      el("ul", { class: "tiles" }, this.tiles.map((tile) => tile.element)),
      el("section", { class: "charts", "aria-label": t("overview.minutes") }, this.charts.map((chart) => chart.element)),
      el("section", { class: "card" }, el("h2", {}, t("workers.title")), this.workers),
    );
    this.charts.forEach((chart) => chart.begin(signal));
  }

  update({ latest, points }) {
    this.tiles.forEach((tile) => tile.update(latest.total));
    this.charts.forEach((chart) => chart.update(points));
    fill(this.workers, workerTable(latest.workers));
  }
}

function charts() {
  const of = (name) => (point) => point.figures?.[name] ?? null;
  const share = { unit: t("unit.percent"), show: (value) => percent(value) };
  return [
    new Chart({
      title: t("chart.exposure"),
      series: [
        { label: t("tile.coverage"), of: of("coverage"), ...share },
        { label: t("tile.head"), of: of("head_share"), ...share },
      ],
    }),
    new Chart({ title: t("chart.gini"), series: [{ label: t("tile.gini"), of: of("gini"), unit: "", show: ratio }] }),
  ];
}

function workerTable(workers) {
  const columns = [["coverage", "unit.percent"], ["gini", "unit.index"], ["head", "unit.percent"]];
  const heads = columns.map(([name, unit]) => el("th", { scope: "col", class: "number", title: t(`tile.${name}.title`) }, t(`tile.${name}`), el("small", {}, t(unit))));
  const row = ({ name, figures }) => {
    const values = figures ? [percent(figures.coverage), ratio(figures.gini), percent(figures.head_share)] : ["", "", ""];
    return el("tr", {}, el("th", { scope: "row" }, name), values.map((value) => el("td", { class: "number" }, value)));
  };
  return el("table", { class: "lines" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("workers.name")), heads)), el("tbody", {}, workers.map(row)));
}
