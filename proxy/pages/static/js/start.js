// Before anything is drawn: which mode, as the address says (see address.js), so that nothing moves afterwards.
const asked = new URLSearchParams(location.search).get("mode");
if (["one", "faces"].includes(asked)) document.documentElement.dataset.mode = asked;
