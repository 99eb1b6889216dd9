"use strict";
(() => {
  const find = (selector, root = document) => [...root.querySelectorAll(selector)];
  const tools = document.querySelector(".tools");
  const shown = document.getElementById("shown");

  // Sorting: a button in every heading of a sortable table; what has no number stays at the end.
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    const missing = text === "" || text === "–";
    return { missing, number: Number(text), text };
  };
  const compare = (one, other) =>
    Number.isNaN(one.number) || Number.isNaN(other.number)
      ? one.text.localeCompare(other.text, "en", { numeric: true })
      : one.number - other.number;
  const sort = (heading) => {
    const table = heading.closest("table");
    const ascending = heading.getAttribute("aria-sort") !== "ascending";
    for (const each of find("th[aria-sort]", table)) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const keyed = [...table.tBodies[0].rows].map((row) => ({ row, value: valueOf(row, heading.cellIndex) }));
    keyed.sort(({ value: one }, { value: other }) =>
      one.missing || other.missing ? one.missing - other.missing : compare(one, other) * (ascending ? 1 : -1));
    table.tBodies[0].append(...keyed.map(({ row }) => row));
  };
  for (const heading of find("table.sortable thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(heading));
    heading.append(button);
  }

  // Filtering: rows and details alike.
  const words = document.getElementById("filter");
  const verdict = document.getElementById("verdict");
  const all = find("[data-label]");
  const filter = () => {
    const wanted = words.value.trim().toLowerCase();
    for (const each of all) {
      const named = each.dataset.label.toLowerCase().includes(wanted);
      each.hidden = !(named && (!verdict.value || each.dataset.verdict === verdict.value));
    }
    const rows = find("tr.counted");
    shown.value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} measurements shown`;
  };
  const details = find("details.measurement");
  const openAll = (open) => { for (const each of details) if (!each.hidden) each.open = open; };
  if (details.length > 1) {
    tools.hidden = false;
    filter();
  }
  words.addEventListener("input", filter);
  verdict.addEventListener("change", filter);
  tools.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("open-all").addEventListener("click", () => openAll(true));
  document.getElementById("close-all").addEventListener("click", () => openAll(false));

  // A link to details opens them, though they may be filtered away.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    const around = target?.closest("details.measurement");
    if (!around) return;
    if (around.hidden) {
      words.value = verdict.value = "";
      filter();
    }
    around.open = true;
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);
  reveal();

  // Copying.
  if (navigator.clipboard) {
    for (const command of find(".command")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        const code = command.querySelector("code");
        try {
          await navigator.clipboard.writeText(code.textContent);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(code);
          button.textContent = "Selected";
        }
      });
      command.append(button);
    }
  }
})();
