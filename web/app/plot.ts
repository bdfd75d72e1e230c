// The library of charts: a script of its own, which is fetched with the first chart.

export { default as uPlot } from "uplot";
