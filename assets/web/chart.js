// Draws the live graph. The server's options hold data and structure; colours, hatch and the axis' words are added here.
import { init, registerTheme } from "./echarts.js";

const nbsp = "\u00a0";
const short = (n, unit) => String(Number(n.toPrecision(3))) + nbsp + unit;

// How the axis writes a figure; the rest of the words come from the server.
const axisWords = {
  count: (v) => (v >= 10000 ? short(v / 1000, "k") : String(v)),
  tokens: (v) => (v >= 1e6 ? short(v / 1e6, "M") : v >= 10000 ? short(v / 1000, "k") : v.toLocaleString("en")),
  usd: (v) => "$" + (v === 0 ? "0" : v < 0.01 ? v.toPrecision(1) : v.toFixed(2)),
  share: (v) => Math.round(v * 100) + nbsp + "%",
  ms: (v) => (v >= 1000 ? Number((v / 1000).toFixed(1)) + nbsp + "s" : v + nbsp + "ms"),
  speed: (v) => String(v),
};

function tokens() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(name).trim();
  return {
    colour: get("--c1"), grid: get("--c-grid"), axis: get("--c-axis"), hatch: get("--c-hatch"), surface: get("--surface"),
    line: get("--line-strong"), band: get("--off-soft"), font: get("--font-ui"), err: get("--err-mark"),
  };
}

function theme() {
  const t = tokens();
  return {
    color: [t.colour],
    textStyle: { fontFamily: t.font, fontSize: 11, color: t.axis },
    categoryAxis: { axisLine: { lineStyle: { color: t.line } }, axisTick: { show: false }, axisLabel: { color: t.axis, fontSize: 11 }, splitLine: { show: false } },
    valueAxis: { axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: t.axis, fontSize: 11 }, splitLine: { lineStyle: { color: t.grid } } },
  };
}

export class Graph {
  constructor(box, tip) {
    this.box = box;
    this.tip = tip;
    registerTheme("lr", theme());
    this.chart = init(box, "lr", { renderer: "canvas" });
    this.resized = new ResizeObserver(() => this.chart.resize());
    this.resized.observe(box);
    this.chart.on("updateAxisPointer", (e) => this.point(e.axesInfo?.[0]?.value));
    this.chart.getZr().on("globalout", () => this.point(undefined));
  }

  // draw shows the server's graph.
  draw(graph) {
    this.graph = graph;
    const t = tokens();
    const option = graph.option;
    const series = option.series[0];
    const line = series.type === "line";
    for (const unused of ["title", "toolbox", "tooltip", "color", "legend"]) delete option[unused];
    option.animation = false;
    option.aria = { enabled: true, label: { enabled: false } }; // the hidden table says it better
    option.grid = { left: 0, right: 0, top: 8, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" };
    option.tooltip = { show: true, trigger: "axis", renderMode: "richText", formatter: () => "", showContent: false,
      axisPointer: { type: "line", lineStyle: { color: t.axis, type: "dashed", width: 1 } } };
    const every = this.box.clientWidth < 480 ? 15 : 10;
    option.xAxis = [{ type: "category", data: option.xAxis[0].data, axisLabel: { interval: (_, name) => Number(name.slice(3)) % every === 0 } }];
    option.yAxis = [{ type: "value", splitNumber: 4, min: 0, axisLabel: { formatter: axisWords[graph.axis] } }];
    if (graph.axis === "count") option.yAxis[0].minInterval = 1;
    if (graph.axis === "share") this.shareAxis(option, series);
    if (line) Object.assign(series, this.lineLook(series, graph, t));
    else Object.assign(series, this.barLook(series, graph, t));
    if (graph.stopped.length > 0) option.series.push(this.stopped(graph, t));
    this.chart.setOption(option, { notMerge: true });
    if (this.shown !== undefined) this.point(this.shown);
  }

  // barLook hatches the slot that is not over.
  barLook(series, graph, t) {
    const data = series.data.map((d, i) => i !== graph.running ? d : {
      ...d, itemStyle: { opacity: 0.75, decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: -Math.PI / 4, color: t.surface } },
    });
    return { data, barCategoryGap: "18%", barMaxWidth: 24, itemStyle: { color: t.colour, borderRadius: [1, 1, 0, 0] }, emphasis: { disabled: true } };
  }

  // lineLook shows a point alone where no line reaches it, and marks slots below 99 % success.
  lineLook(series, graph, t) {
    const values = series.data.map((d) => d.value);
    const alone = (i) => values[i] !== "-" && (values[i - 1] ?? "-") === "-" && (values[i + 1] ?? "-") === "-";
    const failed = (v) => graph.axis === "share" && v !== "-" && v < 0.99;
    const data = values.map((value, i) => failed(value)
      ? { value, symbol: "rect", symbolSize: 6, itemStyle: { color: t.err } }
      : { value, symbol: "circle", symbolSize: alone(i) ? 4 : 0 });
    return { data, showAllSymbol: true, connectNulls: false, lineStyle: { width: 2, color: t.colour }, itemStyle: { color: t.colour }, emphasis: { disabled: true } };
  }

  // shareAxis begins at the next lower ten percent.
  shareAxis(option, series) {
    const known = series.data.map((d) => d.value).filter((v) => v !== "-");
    const lowest = known.length ? Math.min(...known) : 1;
    Object.assign(option.yAxis[0], { min: Math.max(0, Math.min(0.9, Math.floor(lowest * 10 - 1e-9) / 10)), max: 1 });
  }

  // stopped is a band over whole slots. It hangs on an empty line, because on bars the band would begin in their middle.
  stopped(graph, t) {
    return { type: "line", data: [], silent: true, markArea: { silent: true, itemStyle: { color: t.band, borderWidth: 0 },
      label: { color: t.axis, fontSize: 11, position: "insideTop" },
      data: graph.stopped.map(([first, last]) => {
        const wide = ((last - first + 1) / graph.tips.length) * this.box.clientWidth > 48;
        return [{ name: wide ? "stopped" : " ", xAxis: first - 0.5 }, { xAxis: last + 0.5 }];
      }) } };
  }

  // point fills our own tooltip: that of ECharts would need style attributes.
  point(index) {
    const tip = this.graph?.tips[index];
    this.shown = tip ? index : undefined;
    this.tip.hidden = !tip;
    if (!tip) return;
    this.tip.replaceChildren(document.createTextNode(tip.when));
    for (const [word, text] of tip.rows) {
      const row = document.createElement("div");
      row.className = "tip-row";
      const figure = document.createElement("b");
      figure.textContent = text;
      row.append(word, figure);
      this.tip.append(row);
    }
    const x = this.chart.convertToPixel({ xAxisIndex: 0 }, index) + this.box.offsetLeft;
    const width = this.tip.offsetWidth;
    const left = x + 16 + width > this.box.offsetLeft + this.box.clientWidth ? x - width - 12 : x + 12;
    this.tip.style.left = Math.max(0, left) + "px";
  }

  // retheme follows a change of the page's theme.
  retheme() {
    registerTheme("lr", theme());
    this.chart.setTheme("lr");
    if (this.graph) this.draw(this.graph);
  }

  close() {
    this.resized.disconnect();
    this.chart.dispose();
  }
}
