(() => {
  const tip = document.getElementById("tip");
  const hide = () => { tip.hidden = true; };
  const show = (mark, x, y) => {
    const title = mark.querySelector(":scope > title");
    if (!title) return;
    // The browser's own tip would lie on top of this one.
    mark.setAttribute("aria-label", title.textContent);
    mark.dataset.tip = title.textContent;
    title.remove();
    place(mark, x, y);
  };
  const place = (mark, x, y) => {
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 4)) + "px";
    tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18) + "px";
  };
  const on = (mark, x, y) => (mark.dataset.tip ? place : show)(mark, x, y);
  const of = (event) => event.target.closest && event.target.closest("svg [role=img]");
  document.addEventListener("pointermove", (event) => {
    const mark = of(event);
    if (mark) on(mark, event.clientX, event.clientY); else hide();
  });
  document.addEventListener("focusin", (event) => {
    const mark = of(event);
    if (!mark) return hide();
    const box = mark.getBoundingClientRect();
    on(mark, box.left + box.width / 2, box.bottom - 12);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("scroll", hide, { passive: true });
})();
