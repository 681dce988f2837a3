// How the pages look: one small sheet, light and dark as the reader's system is.
export const STYLE = `:root{color-scheme:light dark;--line:#8886;--accent:#1a5fb4;--soft:#8881;--bad:#a40000}
@media (prefers-color-scheme:dark){:root{--accent:#8ab8ff;--bad:#ff9c9c}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;font:16px/1.5 system-ui,sans-serif}
a{color:var(--accent)}
.skip{position:absolute;left:-999rem}.skip:focus{left:1rem}
header{display:flex;flex-wrap:wrap;gap:1rem;align-items:baseline;justify-content:space-between;border-bottom:1px solid var(--line)}
section{margin:2rem 0}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:0 0 .5rem}
table{border-collapse:collapse;width:100%}caption{text-align:left;padding:.3rem 0}
th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
form{display:flex;flex-wrap:wrap;gap:.6rem;align-items:end}
form.column{flex-direction:column;align-items:stretch;max-width:24rem}
label{display:flex;flex-direction:column;gap:.2rem}
input,select,button{font:inherit;padding:.4rem .6rem;border:1px solid var(--line);border-radius:.3rem}
button{background:var(--accent);color:Canvas;border-color:transparent;cursor:pointer}
button.quiet{background:none;color:inherit;border-color:var(--line)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.balance{font-size:2rem;margin:.5rem 0}
.notice{padding:.8rem 1rem;border-left:4px solid var(--accent);background:var(--soft)}
.notice.bad{border-color:var(--bad)}
code{overflow-wrap:anywhere}
`
