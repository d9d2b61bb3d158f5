"use strict";
(() => {
  const style = () => getComputedStyle(document.documentElement);
  const axes = (layout) => Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));

  // Plotly knows nothing of the page's theme: hand it the colours as the style sheet has them now.
  const theme = (layout) => {
    const colour = (name) => style().getPropertyValue(name).trim();
    const changes = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      "font.color": colour("--text"),
      "hoverlabel.bgcolor": colour("--band"),
      "hoverlabel.font.color": colour("--text"),
      "modebar.bgcolor": "rgba(0,0,0,0)",
      "modebar.color": colour("--quiet"),
      "modebar.activecolor": colour("--text"),
    };
    for (const axis of axes(layout)) {
      changes[`${axis}.gridcolor`] = colour("--grid");
      changes[`${axis}.linecolor`] = colour("--rule");
    }
    return changes;
  };

  const plots = [...document.querySelectorAll(".plot")];
  // Named one by one: some of Plotly's own choice would upload the figure, and a report goes nowhere.
  const buttons = [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]];
  const options = { responsive: true, displaylogo: false, modeBarButtons: buttons };
  for (const plot of plots) {
    const figure = JSON.parse(document.getElementById(`${plot.id}-figure`).textContent);
    Plotly.newPlot(plot, figure.data, figure.layout, options).then(() => {
      Plotly.relayout(plot, theme(plot.layout));
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const plot of plots) Plotly.relayout(plot, theme(plot.layout));
  });

  for (const box of document.querySelectorAll("[data-logarithmic]")) {
    box.addEventListener("change", () => {
      const plot = document.getElementById(box.dataset.logarithmic);
      const changes = {};
      for (const axis of axes(plot.layout).filter((key) => key.startsWith("y"))) {
        changes[`${axis}.type`] = box.checked ? "log" : "linear";
        changes[`${axis}.autorange`] = true;
      }
      Plotly.relayout(plot, changes);
    });
  }

  // Every word of the filter must occur in an event, in any order.
  const filter = document.getElementById("event-filter");
  if (!filter) return;  // a page about several runs has no events
  const events = [...document.querySelectorAll("#event-table tbody tr")];
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const event of events) {
      const text = event.textContent.toLowerCase();
      event.hidden = !words.every((word) => text.includes(word));
      shown += event.hidden ? 0 : 1;
    }
    document.getElementById("event-count").textContent = words.length ? `${shown} of ${events.length}` : "";
  });
})();
