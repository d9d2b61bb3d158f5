"use strict";
// A table that is wider than its place is shown row by row, each cell with the name of its column.
(() => {
  const places = [...document.querySelectorAll(".scroll")].filter((place) => place.querySelector("table"));
  const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };

  for (const place of places) {
    const table = place.querySelector("table");
    const names = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, column) => {
        if (names[column] && !cell.dataset.name) cell.dataset.name = names[column];
      });
    }
    // The style sheet makes blocks of rows and cells; to a screen reader they stay a table.
    for (const part of table.querySelectorAll("thead, tbody, tr, td, th")) {
      const head = part.scope === "col" ? "columnheader" : "rowheader";
      part.setAttribute("role", roles[part.tagName] ?? head);
    }
    table.setAttribute("role", "table");
  }

  const fit = () => {
    for (const place of places) {
      const table = place.querySelector("table");
      table.classList.remove("stacked");
      table.classList.toggle("stacked", place.scrollWidth > place.clientWidth);
    }
  };
  fit();
  addEventListener("resize", fit);
  // What is folded has no width until it is opened.
  document.addEventListener("toggle", fit, true);
})();
