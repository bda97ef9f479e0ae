// Learning curves to look into: a pointer tells which run a line is, names hide and show their lines, a drag zooms.
// What is drawn stands beside each figure as JSON, written by suite/report/explorable.py; uPlot draws it.
"use strict";
{
  const HEIGHT = 260, NEAR = 24, HALF = 0.5; // pixels; pixels; of what a zoom keeps
  const AXIS = { stroke: "#333", grid: { stroke: "#e6eaf0", width: 1 }, font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif", values: (_, ticks) => ticks.map(one => printed(COMPACT, one)) };
  const COMPACT = new Intl.NumberFormat("en", { notation: "compact" }), PLAIN = new Intl.NumberFormat("en");
  const printed = (form, value) => form.format(value).replace("-", "−").replace("K", "k");

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  const faint = color => `${color}66`, band = color => `${color}28`; // alpha as two more digits

  /** Everything a panel draws, in order: {line, seed or null, values, look} of every curve. */
  function curvesOf(panel, looks) {
    const curves = [];
    for (const line of panel.lines) {
      const look = looks.get(line.name), of = { line, seed: null };
      const thin = { width: 0, stroke: "transparent" };
      const seed = { width: 1, stroke: faint(look.color) };
      const mean = { width: 2.4, stroke: look.color, dash: look.dash };
      if (line.low.length) {
        curves.push({ ...of, values: line.high, edge: true, look: thin, fill: band(look.color) });
        curves.push({ ...of, values: line.low, edge: true, look: thin });
      }
      const evaluated = line.seeds.filter(run => run.values.length);
      curves.push(...evaluated.map(run => ({ line, seed: run, values: run.values, look: seed })));
      if (line.mean.length) curves.push({ ...of, values: line.mean, look: mean });
    }
    return curves;
  }

  /** The lowest and the highest of what is shown of runs that did not fail, as the drawn figure is scaled. */
  function scaled(chart, curves, floor) {
    const [first, last] = chart.series[0].idxs ?? [0, chart.data[0].length - 1];
    let low = floor ?? Infinity, high = floor ?? -Infinity;
    curves.forEach((curve, at) => {
      if (curve.seed?.failed || !chart.series[at + 1].show) return;
      for (const value of curve.values.slice(first, last + 1)) {
        if (value === null) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    });
    if (!(high > low)) return [low - 1 || 0, low + 1 || 1];
    const margin = 0.05 * (high - low);
    return [low - margin, high + margin];
  }

  /** Above all: the curve at hand; where a run failed a tick at the foot, and a cross if it diverged; the floor. */
  function drawOver(chart, curves, floor, looks, chosen) {
    const { ctx, bbox } = chart, size = 4 * devicePixelRatio, foot = bbox.top + bbox.height;
    const stroke = (color, ...segments) => {
      ctx.beginPath();
      for (const [x0, y0, x1, y1] of segments) { ctx.moveTo(x0, y0); ctx.lineTo(x1, y1); }
      Object.assign(ctx, { strokeStyle: color, lineWidth: 1.5 * devicePixelRatio });
      ctx.stroke();
    };
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.setLineDash([]);
    if (chosen && chart.series[chosen.at + 1].show) {
      const { line, values } = curves[chosen.at], path = new Path2D();
      values.forEach((value, index) => {
        const x = chart.valToPos(chart.data[0][index], "x", true);
        if (value !== null) path.lineTo(x, chart.valToPos(value, "y", true));
      });
      for (const [strokeStyle, width] of [["#fff", 6], [looks.get(line.name).color, 3]]) {
        Object.assign(ctx, { strokeStyle, lineWidth: width * devicePixelRatio });
        ctx.stroke(path);
      }
    }
    curves.forEach(({ line, seed }, at) => {
      if (!seed?.stopped || !chart.series[at + 1].show) return;
      const [step, value] = seed.stopped, color = looks.get(line.name).color;
      const x = chart.valToPos(step, "x", true);
      stroke(color, [x, foot - 3 * size, x, foot]);
      if (seed.status !== "diverged" || value === null) return;
      const y = Math.min(Math.max(chart.valToPos(value, "y", true), bbox.top + size), foot - size);
      stroke(color, [x - size, y - size, x + size, y + size], [x - size, y + size, x + size, y - size]);
    });
    if (floor !== null) {
      const y = chart.valToPos(floor, "y", true);
      ctx.setLineDash([2, 4]);
      stroke("#767676", [bbox.left, y, bbox.left + bbox.width, y]);
    }
    ctx.restore();
  }

  /** The curve nearest to the pointer and its place, or null: {at, index}. */
  function nearest(chart, curves) {
    const { left, top } = chart.cursor;
    let best = null, least = NEAR;
    if (left < 0) return null;
    curves.forEach(({ values, edge }, at) => {
      if (edge || !chart.series[at + 1].show) return;
      values.forEach((value, index) => {
        if (value === null) return;
        const distance = Math.hypot(chart.valToPos(chart.data[0][index], "x") - left, chart.valToPos(value, "y") - top);
        if (distance < least) [best, least] = [{ at, index }, distance];
      });
    });
    return best;
  }

  function tell(readout, { line, seed, values }, step, index) {
    const who = seed ? `${line.name}, seed ${seed.seed}` : `${line.name}, mean`;
    const fate = seed && seed.status !== "finished" ? ` (${seed.status})` : "";
    readout.replaceChildren(`${who}${fate}: ${printed(PLAIN, values[index])} at ${printed(PLAIN, step)} steps. `);
    if (seed?.run) readout.append(element("a", { href: `#${seed.run}`, textContent: "Its record" }));
  }

  function makePanel(panel, looks) {
    const curves = curvesOf(panel, looks);
    const readout = element("p", { className: "readout", textContent: "Point at a line; a click holds it." });
    const host = element("div", { className: "plot", role: "img" });
    host.setAttribute("aria-label", `Learning curves on ${panel.title}`);
    let held = false, chosen = null;
    const choose = (chart, found) => {
      chosen = found;
      tell(readout, curves[found.at], chart.data[0][found.index], found.index);
      chart.redraw(false);
    };
    const point = chart => {
      const found = held ? null : nearest(chart, curves);
      if (found && !(found.at === chosen?.at && found.index === chosen.index)) choose(chart, found);
    };
    const bands = curves.flatMap((curve, at) => curve.fill ? [{ series: [at + 1, at + 2], fill: curve.fill }] : []);
    const chart = new uPlot({
      width: 360, height: HEIGHT, legend: { show: false }, bands,
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false } },
      scales: { x: { time: false }, y: { range: self => scaled(self, curves, panel.floor) } },
      axes: [{ ...AXIS, label: "environment steps", labelSize: 20 }, { ...AXIS, size: 58 }],
      series: [{}, ...curves.map(({ look }) => ({ ...look, spanGaps: true, points: { show: false } }))],
      hooks: { setCursor: [point], draw: [self => drawOver(self, curves, panel.floor, looks, chosen)] },
    }, [panel.x, ...curves.map(curve => curve.values)], host);
    chart.over.addEventListener("click", () => { // another line takes the place of one that is held, as a tap needs it
      const found = nearest(chart, curves);
      held = found !== null && !(held && found.at === chosen.at);
      if (held) choose(chart, found);
      host.classList.toggle("held", held);
    });
    const toggle = (name, show) => curves.forEach(({ line }, at) => {
      if (line.name === name) chart.setSeries(at + 1, { show });
    });
    const node = element("div", { className: "panel" }, element("b", { textContent: panel.title }), readout, host);
    return { chart, toggle, node, host, whole: [panel.x[0], panel.x.at(-1)] };
  }

  /** A button for every name: it hides and shows the lines of that name in all panels. */
  function names(looks, panels) {
    return [...looks].map(([name, { color, dash }]) => {
      const button = element("button", { className: "name", type: "button" }, sampleOf(color, dash), name);
      button.setAttribute("aria-pressed", "true");
      button.addEventListener("click", () => {
        const show = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(show));
        for (const panel of panels) panel.toggle(name, show);
      });
      return button;
    });
  }

  function sampleOf(color, dash) {
    const sample = element("canvas", { width: 56, height: 12 }), pen = sample.getContext("2d");
    Object.assign(pen, { strokeStyle: color, lineWidth: 5 });
    pen.setLineDash(dash.map(length => 2 * length));
    pen.moveTo(0, 6);
    pen.lineTo(56, 6);
    pen.stroke();
    return sample;
  }

  function zooms(panels) {
    const zoom = keep => () => panels.forEach(({ chart, whole }) => {
      const { min, max } = chart.scales.x, half = (max - min) * keep / 2, middle = (min + max) / 2;
      const ends = keep ? [Math.max(whole[0], middle - half), Math.min(whole[1], middle + half)] : whole;
      chart.setScale("x", { min: ends[0], max: ends[1] });
    });
    const made = { "Zoom in": zoom(HALF), "Zoom out": zoom(1 / HALF), "Reset zoom": zoom(0) };
    return Object.entries(made).map(([textContent, action]) => {
      const button = element("button", { textContent, type: "button" });
      button.addEventListener("click", action);
      return button;
    });
  }

  function makeExplorer({ names: named, panels }) {
    const looks = new Map(named.map(({ name, ...look }) => [name, look]));
    const made = panels.filter(panel => panel.x.length > 1).map(panel => makePanel(panel, looks));
    const floor = element("span", { className: "name" }, sampleOf("#767676", [2, 4]), "random policy");
    const floors = panels.some(panel => panel.floor !== null) ? [floor] : [];
    const bar = element("div", { className: "bar" }, ...names(looks, made), ...floors, ...zooms(made));
    const grid = element("div", { className: "panels" }, ...made.map(panel => panel.node));
    new ResizeObserver(() => made.forEach(({ chart, host }) => {
      if (host.clientWidth) chart.setSize({ width: host.clientWidth, height: HEIGHT });
    })).observe(grid);
    return element("div", { className: "explorer" }, bar, grid);
  }

  const open = [];
  for (const data of document.querySelectorAll('figure > script[type="application/json"]')) {
    const figure = data.parentElement, button = element("button", { className: "control", type: "button" });
    let explorer = null;
    const set = exploring => {
      if (exploring && !explorer) {
        explorer = makeExplorer(JSON.parse(data.textContent));
        figure.querySelector(".drawn").after(explorer);
      }
      figure.classList.toggle("exploring", exploring);
      button.textContent = exploring ? "Show the figure as drawn" : "Explore: every seed, toggle, zoom";
      button.setAttribute("aria-expanded", String(exploring));
    };
    button.addEventListener("click", () => set(!figure.classList.contains("exploring")));
    set(false);
    figure.querySelector("figcaption").before(button);
    open.push(() => location.hash === `#${figure.id}` && set(true));
  }

  /** Show what a link leads to: open the curves of a figure, and what encloses its place. */
  function arrive() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    open.forEach(show => show());
    target.scrollIntoView();
  }
  addEventListener("hashchange", arrive);
  arrive();
}
