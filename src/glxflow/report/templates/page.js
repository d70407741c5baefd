"use strict";
(function () {
  const options = {
    responsive: true,
    displaylogo: false,
    // A list of what is allowed: newer plotly adds a button that uploads the data.
    modeBarButtons: [["toImage", "zoom2d", "resetScale2d"]],
    plotlyServerURL: "",
    toImageButtonOptions: { format: "svg" },
  };
  const figures = {};
  document.querySelectorAll("script[data-plot]").forEach((script) => {
    figures[script.dataset.plot] = JSON.parse(script.textContent);
  });
  // A plot in a hidden section has no width; it is drawn when its section is shown.
  // Its height is kept: plotly writes another into the layout that it was given.
  const drawn = new Map();
  function draw(id) {
    if (drawn.has(id) || !figures[id]) return;
    drawn.set(id, figures[id].layout.height);
    const file = document.title.replace(/[^\w.-]+/g, "_") + "_" + id;
    const own = { ...options, toImageButtonOptions: { ...options.toImageButtonOptions, filename: file } };
    Plotly.newPlot(id, figures[id].data, figures[id].layout, own);
  }
  function numbers(packed) {
    const bytes = Uint8Array.from(atob(packed.bdata), (c) => c.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  const bins = Array.from(document.querySelectorAll("section.bin"));
  const choices = Array.from(document.querySelectorAll(".chooser button"));
  function show(index) {
    bins.forEach((section) => { section.hidden = section.dataset.bin !== String(index); });
    choices.forEach((button) => {
      const chosen = button.dataset.bin === String(index);
      button.setAttribute("aria-checked", chosen);
      button.tabIndex = chosen ? 0 : -1;
    });
    draw("spectrum-" + index);
  }
  choices.forEach((button, index) => {
    button.addEventListener("click", () => show(index));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = (index + step + choices.length) % choices.length;
      show(next);
      choices[next].focus();
    });
  });
  document.querySelectorAll(".chooser, .overlay").forEach((row) => { row.hidden = false; });
  if (choices.length) show(0);
  Object.keys(figures).forEach((id) => {
    const section = document.getElementById(id).closest("section.bin");
    if (!section || !section.hidden) draw(id);
  });

  // Lay a component on top of the baseline, in the panel of the data.
  const spare = ["#e69f00", "#56b4e9", "#882255", "#332288", "#117733", "#999933"];
  bins.forEach((section) => {
    const id = "spectrum-" + section.dataset.bin;
    if (!figures[id]) return;
    const curves = figures[id].data;
    const components = curves.filter((trace) => trace.meta);
    if (!components.length) return;
    const baseline = numbers(curves.find((trace) => trace.name === "baseline").y);
    section.querySelectorAll(".overlay button").forEach((button) => {
      button.addEventListener("click", () => {
        const plot = document.getElementById(id);
        const source = components[Number(button.dataset.component)];
        const at = plot.data.findIndex((trace) => trace.uid === "over-" + button.dataset.component);
        button.setAttribute("aria-pressed", at < 0);
        if (at >= 0) { Plotly.deleteTraces(plot, at); return; }
        const shift = source.meta.offset;
        const used = plot.data.filter((trace) => String(trace.uid).startsWith("over-")).length;
        const colour = source.meta.colour || spare[used % spare.length];
        const y = numbers(source.y).map((value, i) => value - shift + baseline[i]);
        Plotly.addTraces(plot, {
          type: "scatter", mode: "lines", uid: "over-" + button.dataset.component,
          name: source.name, x0: source.x0, dx: source.dx, y: y,
          line: { color: colour, width: 2 }, hovertemplate: "%{y:.3s}",
        });
      });
    });
  });
  // Paper shows every spectrum, as wide as an A4 page with its margins and on one page.
  function resize(id, height, size) {
    document.getElementById(id).style.height = height + "px";
    Plotly.relayout(id, { height: height, ...size });
  }
  window.addEventListener("beforeprint", () => {
    bins.forEach((section) => { section.hidden = false; draw("spectrum-" + section.dataset.bin); });
    drawn.forEach((height, id) => resize(id, Math.min(height, 740), { width: 690 }));
  });
  window.addEventListener("afterprint", () => {
    drawn.forEach((height, id) => resize(id, height, { width: null, autosize: true }));
    const chosen = choices.findIndex((button) => button.getAttribute("aria-checked") === "true");
    if (chosen >= 0) show(chosen);
  });
})();
