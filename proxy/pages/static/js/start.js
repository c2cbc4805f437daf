// Before anything is drawn: one model or all, as the address says (see address.js), so that nothing moves afterwards.
if (new URLSearchParams(location.search).get("mode") === "one") document.documentElement.dataset.mode = "one";
