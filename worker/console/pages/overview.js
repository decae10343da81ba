// How the workers do: figures of now, charts of the last minutes, one line for each worker.

import { follow } from "../api.js";
import { Chart } from "../charts.js";
import { el, fill } from "../dom.js";
import { count, isKnown, percent, rate, seconds, times } from "../format.js";
import { known, t } from "../i18n.js";
import { empty, failed, inWords, loading } from "../states.js";
import { WorkerFeed } from "../worker_feed.js";
import { Tile } from "../tile.js";

const LATE_SECONDS = 1.0; // the freshness that Millrace promises
const OLD_SNAPSHOT_SECONDS = 300;

const TILES = [
  { name: "events", value: (now) => rate(now.events_per_second), unit: "unit.per_second" },
  { name: "lists", value: (now) => rate(now.lists_per_second), unit: "unit.per_second" },
  {
    name: "lag",
    value: (now) => count(now.lag_records),
    unit: "unit.records",
    note: (now) => t("tile.lag.note", { seconds: seconds(now.lag_seconds) }),
  },
  { name: "p50", value: (now) => seconds(now.freshness_p50_seconds), unit: "unit.seconds" },
  {
    name: "p99",
    value: (now) => seconds(now.freshness_p99_seconds),
    unit: "unit.seconds",
    isBad: (now) => now.freshness_p99_seconds > 2 * LATE_SECONDS,
  },
  {
    name: "hits",
    value: (now) => percent(now.hit_rate),
    unit: "unit.percent",
    note: (now) => t("tile.hits.note", { popular: percent(now.popular_hit_rate), times: better(now) }),
  },
  { name: "rejected", value: (now) => rate(now.rejections_per_second), unit: "unit.per_second" },
  {
    name: "snapshot",
    value: (now) => count(now.snapshot_age_seconds),
    unit: "unit.seconds",
    isBad: (now) => now.snapshot_age_seconds > OLD_SNAPSHOT_SECONDS,
  },
  { name: "waiting", value: (now) => count(now.waiting_users), unit: "unit.users" },
  {
    name: "known",
    value: (now) => count(now.known_users),
    unit: "unit.users",
    note: (now) => t("tile.known.note", { items: count(now.known_items) }),
  },
  { name: "drift", value: (now) => count(total(now.drifts)), unit: "unit.marks", note: (now) => words("signal", now.drifts) },
  { name: "failed", value: (now) => count(now.failed_lists), unit: "unit.lists", isBad: (now) => now.failed_lists > 0 },
];

export function show(main, _about, signal) {
  const status = el("p", { class: "status", role: "status" }, t("overview.connecting"));
  const body = el("div", {}, loading());
  fill(main, el("div", { class: "title" }, el("h1", { tabindex: -1 }, t("nav.overview")), status), body);
  const view = new View(body, signal);
  const feed = new WorkerFeed();
  const onEvent = (kind, content) => {
    feed.take(kind, content);
    if (kind === "overview") view.update(feed);
  };
  const onState = (state, problem) => {
    status.textContent = state === "live" ? t("overview.live") : inWords(problem)[0];
    status.classList.toggle("bad", state !== "live");
  };
  follow("v1/overview", { signal, onEvent, onState }).catch((problem) => {
    status.textContent = "";
    fill(body, problem.status === 501 ? empty(t("overview.none"), t("overview.none.hint")) : failed(problem));
    body.dispatchEvent(new CustomEvent("problem", { bubbles: true, detail: problem }));
  });
}

class View {
  constructor(body, signal) {
    this.body = body;
    this.signal = signal;
    this.begun = false;
  }

  begin() {
    this.tiles = TILES.map((each) => new Tile(each));
    this.charts = charts();
    this.workers = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("workers.title") });
    this.rejections = el("div");
    fill(
      this.body,
      el("section", { "aria-label": t("overview.now") }, el("ul", { class: "tiles" }, this.tiles.map((tile) => tile.element))),
      el("section", { class: "charts", "aria-label": t("overview.minutes") }, this.charts.map((chart) => chart.element)),
      el("section", { class: "card" }, el("h2", {}, t("workers.title")), this.workers),
      el("section", { class: "card" }, el("h2", {}, t("rejections.title")), this.rejections),
    );
    this.charts.forEach((chart) => chart.begin(this.signal));
    this.begun = true;
  }

  update({ latest, points }) {
    if (!this.begun) this.begin();
    this.tiles.forEach((tile) => tile.update(latest.total));
    this.charts.forEach((chart) => chart.update(points));
    fill(this.workers, workerTable(latest));
    fill(this.rejections, bars("reject", latest.total?.rejected ?? {}));
  }
}

function charts() {
  const of = (name) => (point) => point.figures?.[name] ?? null;
  const per = { unit: t("unit.per_second"), show: rate };
  const long = { unit: t("unit.seconds"), show: seconds };
  const share = { unit: t("unit.percent"), show: (value) => percent(value) };
  return [
    new Chart({
      title: t("chart.flow"),
      series: [
        { label: t("chart.flow.events"), of: of("events_per_second"), ...per },
        { label: t("chart.flow.lists"), of: of("lists_per_second"), ...per },
      ],
    }),
    new Chart({
      title: t("chart.freshness"),
      series: [
        { label: "p50", of: of("freshness_p50_seconds"), ...long },
        { label: "p99", of: of("freshness_p99_seconds"), ...long },
      ],
    }),
    new Chart({
      title: t("chart.hits"),
      series: [
        { label: t("chart.hits.served"), of: of("hit_rate"), ...share },
        { label: t("chart.hits.popular"), of: of("popular_hit_rate"), ...share },
      ],
      marks: (point) => point.drifted,
      markLabel: t("chart.drift"),
    }),
    new Chart({
      title: t("chart.lag"),
      series: [
        { label: t("chart.lag.records"), of: of("lag_records"), unit: t("unit.records"), show: count },
        { label: t("chart.lag.waiting"), of: of("waiting_users"), unit: t("unit.users"), show: count },
      ],
    }),
  ];
}

const COLUMNS = [
  ["events", (now) => rate(now.events_per_second), "unit.per_second"],
  ["lists", (now) => rate(now.lists_per_second), "unit.per_second"],
  ["lag", (now) => count(now.lag_records), "unit.records"],
  ["p50", (now) => seconds(now.freshness_p50_seconds), "unit.seconds"],
  ["p99", (now) => seconds(now.freshness_p99_seconds), "unit.seconds"],
  ["hits", (now) => percent(now.hit_rate), "unit.percent"],
  ["rejected", (now) => rate(now.rejections_per_second), "unit.per_second"],
  ["snapshot", (now) => count(now.snapshot_age_seconds), "unit.seconds"],
  ["known", (now) => count(now.known_users), "unit.users"],
];

function workerTable({ workers, total: sum }) {
  const heads = COLUMNS.map(([name, , unit]) =>
    el("th", { scope: "col", class: "number", title: t(`tile.${name}.title`) }, t(`tile.${name}`), el("small", {}, t(unit))),
  );
  const cells = (now) => COLUMNS.map(([, value]) => el("td", { class: "number" }, now ? value(now) : ""));
  const row = (worker) =>
    el("tr", {}, el("th", { scope: "row" }, worker.name), el("td", {}, state(worker)), cells(worker.figures));
  return el(
    "table",
    { class: "lines" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("workers.name")), el("th", { scope: "col" }, t("workers.state")), heads)),
    el("tbody", {}, workers.map(row)),
    workers.length > 1 && el("tfoot", {}, el("tr", {}, el("th", { scope: "row" }, t("workers.sum")), el("td"), cells(sum))),
  );
}

function state(worker) {
  if (worker.away) return el("span", { class: "badge bad", title: worker.away }, t("workers.away"));
  const ready = worker.figures.ready;
  return el("span", { class: ready ? "badge good" : "badge warn" }, t(ready ? "workers.ready" : "workers.starting"));
}

// A bar for each reason, the longest one full.
function bars(prefix, counts) {
  const rows = Object.entries(counts).sort((one, other) => other[1] - one[1]);
  if (!rows.length) return el("p", { class: "muted" }, t("rejections.none"));
  const row = ([name, number]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, known(prefix, name)),
      el("td", { class: "wide" }, el("meter", { min: 0, max: rows[0][1], value: number, "aria-hidden": "true" })),
      el("td", { class: "number" }, count(number)),
    );
  const heads = [t("rejections.reason"), "", t("rejections.count")];
  const head = el("thead", { class: "unseen" }, el("tr", {}, heads.map((each) => el("th", { scope: "col" }, each))));
  return el("table", {}, head, el("tbody", {}, rows.map(row)));
}

function total(counts) {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}

function words(prefix, counts) {
  const named = Object.entries(counts).map(([name, number]) => `${known(prefix, name)} ${count(number)}`);
  return named.join(", ") || t("tile.none");
}

function better(now) {
  return isKnown(now.hit_rate) && now.popular_hit_rate > 0 ? times(now.hit_rate / now.popular_hit_rate) : times(null);
}
