(() => {
  // Properties of the style sheet that a saved picture keeps.
  const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "paint-order",
    "font-family", "font-size", "font-weight", "font-variant-numeric"];
  const DROPPED = ["class", "style", "tabindex", "role", "aria-label", "aria-hidden", "data-tip"];
  const EDGE = 16, GAP = 24;
  const make = (name, attributes, content = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(content);
    return made;
  };
  const copy = (node, above = {}) => {
    const made = node.cloneNode(false), style = getComputedStyle(node), own = {};
    for (const name of DROPPED) made.removeAttribute(name);
    for (const name of KEPT) {
      own[name] = style.getPropertyValue(name);
      // All but opacity are inherited.
      if (own[name] !== (name === "opacity" ? "1" : above[name])) made.setAttribute(name, own[name]);
    }
    if (node.dataset.tip) made.append(make("title", {}, node.dataset.tip));
    for (const child of node.childNodes) made.append(child.nodeType === 1 ? copy(child, own) : child.cloneNode());
    return made;
  };
  const title = (figure) => figure.querySelector("[aria-label]").getAttribute("aria-label");
  const pen = document.createElement("canvas").getContext("2d");
  // The figure with title, legend and caption as an SVG that needs nothing from the page.
  const picture = (figure) => {
    const root = getComputedStyle(document.documentElement), all = (what) => [...figure.querySelectorAll(what)];
    const charts = all("svg.chart"), boxes = charts.map((chart) => chart.viewBox.baseVal);
    const svg = make("svg", { xmlns: "http://www.w3.org/2000/svg", "font-family": root.fontFamily });
    const length = (text, size, weight = 400) => {
      pen.font = `${weight} ${size}px ${root.fontFamily}`;
      return pen.measureText(text).width;
    };
    const across = charts.length > 1 ? 2 : 1;
    const cell = Math.max(...boxes.map((box) => box.width), ...all("h3").map((name) => length(name.textContent, 13, 600)));
    const width = Math.max(460, across * (cell + GAP) - GAP);
    let x = EDGE, y = EDGE;
    const write = (text, x, y, size, ink = "--quiet", weight = 400) => svg.append(make("text",
      { x, y, "font-size": size, "font-weight": weight, fill: root.getPropertyValue(ink) }, text));
    const wrap = (text, size, ...look) => {
      const words = text.trim().split(/\s+/);
      for (let line = words.shift(); line; line = words.shift()) {
        while (words.length && length(`${line} ${words[0]}`, size, look[1]) < width) line += ` ${words.shift()}`;
        y += 1.4 * size;
        write(line, EDGE, y - 0.3 * size, size, ...look);
      }
    };
    const place = (chart, x, top, wide, high) => {
      const made = copy(chart);
      for (const [key, value] of Object.entries({ x, y: top, width: wide, height: high, overflow: "visible" })) made.setAttribute(key, value);
      svg.append(made);
    };
    wrap(title(figure), 15, "--ink", 600);
    y += 10;
    for (let at = 0; at < charts.length; at += across) {
      const row = boxes.slice(at, at + across), above = all("h3").length ? 22 : 0;
      row.forEach((box, column) => {
        const x = EDGE + column * (cell + GAP), name = charts[at + column].previousElementSibling;
        if (name) write(name.textContent, x, y + 14, 13, "--ink", 600);
        place(charts[at + column], x, y + above, box.width, box.height);
      });
      y += above + Math.max(...row.map((box) => box.height)) + 12;
    }
    for (const item of all(".legend li")) {
      const parts = [...item.childNodes].map((part) => [part, part.width?.baseVal.value ?? length(part.data, 13)]);
      const wide = parts.reduce((sum, part) => sum + part[1] + 8, 12);
      if (x > EDGE && x + wide > EDGE + width) [x, y] = [EDGE, y + 20];
      for (const [part, wide] of parts) {
        if (part.width) place(part, x, y, wide, part.height.baseVal.value);
        else write(part.data, x, y + 11, 13);
        x += wide + 8;
      }
      x += 12;
    }
    if (x > EDGE) y += 28;
    for (const caption of all("figcaption")) wrap(caption.textContent, 13);
    wrap(figure.closest("article").querySelector("h1").textContent, 13);
    // Patterns and gradients are in the page, once for all figures.
    if (svg.querySelector("[fill^=url]")) svg.prepend(copy(document.querySelector("defs")));
    const size = { width: Math.ceil(width + 2 * EDGE), height: Math.ceil(y + EDGE) };
    svg.prepend(make("rect", { ...size, fill: root.getPropertyValue("--paper") }));
    for (const key of ["width", "height"]) svg.setAttribute(key, size[key]);
    svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    return [new XMLSerializer().serializeToString(svg), size];
  };
  const rows = (figure) => {
    const { table, rows = "", ids } = figure.dataset, name = `pre[data-table="${table}"]`;
    // The figure's own section first: the table of another may have more.
    for (const part of ["section", "article"]) for (const pre of figure.closest(part)?.querySelectorAll(name) ?? []) {
      const [head, ...lines] = pre.textContent.trim().split("\n"), own = lines.filter((line) =>
        line.startsWith(rows) && (!ids || ids.split("\n").some((id) => `,${line},`.includes(`,${id}`))));
      if (own.length) return [head, ...own, ""].join("\n");
    }
  };
  const save = (content, type, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  for (const part of document.querySelectorAll(".save")) {
    part.hidden = false;
    part.setAttribute("role", "group");
    part.setAttribute("aria-label", `Save ${title(part.closest("figure"))}`);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".save button");
    if (!button) return;
    const figure = button.closest("figure"), format = button.textContent;
    const label = `${figure.closest("article").querySelector("h1").textContent} ${title(figure)}`;
    const name = `${label.replace(/[^A-Za-z0-9.]+/g, "-").slice(0, 150)}.${format.toLowerCase()}`;
    if (format === "CSV") return save(rows(figure), "text/csv", name);
    // Saved pictures are light; the class is gone before the page is painted.
    document.documentElement.classList.add("light");
    const [source, size] = picture(figure);
    document.documentElement.classList.remove("light");
    if (format === "SVG") return save(source, "image/svg+xml", name);
    const image = new Image(), canvas = document.createElement("canvas");
    image.onload = () => {
      [canvas.width, canvas.height] = [2 * size.width, 2 * size.height];
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => blob ? save(blob, "image/png", name) : alert("The browser cannot draw a PNG of this size: save the SVG."));
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(source);
  });
})();
