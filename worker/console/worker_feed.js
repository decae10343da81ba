// What the server tells of the workers, kept for charts: the last minutes, and where drift was seen.

const KEPT_POINTS = 300;

export class WorkerFeed {
  constructor() {
    this.points = []; // {at, figures, drifted}
    this.latest = null;
  }

  take(kind, content) {
    if (kind === "history") {
      this.points = [];
      content.forEach((point) => this.add(point));
    }
    if (kind === "overview") {
      this.latest = content;
      this.add({ at: content.at, figures: content.total });
    }
  }

  add(point) {
    const drifted = marks(point) > marks(this.points.at(-1));
    this.points = [...this.points, { ...point, drifted }].slice(-KEPT_POINTS);
  }
}

// Marks so far; a point without figures has none to compare with.
function marks(point) {
  if (!point?.figures) return Number.NaN;
  return Object.values(point.figures.drifts).reduce((sum, each) => sum + each, 0);
}
