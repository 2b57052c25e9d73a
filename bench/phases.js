import { readFileSync } from "node:fs";

/**
 * A span of OpenTelemetry's JSON encoding (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding), in seconds.
 *
 * @typedef {{ name: string, start: number, end: number }} Span
 */

/**
 * What `pulumi preview` spends its time on, one thing after the other.
 *
 * @typedef {{ what: string, seconds: number }} Phase
 */

/**
 * @param {string} file - written by `pulumi --otel-traces`
 * @returns {Span[]} what the engine itself recorded
 */
function engineSpans(file) {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => JSON.parse(line).resourceSpans)
    .filter(({ resource }) =>
      resource.attributes.some(
        (/** @type {any} */ { key, value }) => key === "service.name" && value.stringValue === "pulumi-cli",
      ),
    )
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans)
    .map(({ name, startTimeUnixNano, endTimeUnixNano }) => ({
      name,
      start: Number(startTimeUnixNano) / 1e9,
      end: Number(endTimeUnixNano) / 1e9,
    }));
}

/**
 * Divides a traced run into phases that follow each other without a gap.
 *
 * @param {string} file - written by `pulumi --otel-traces`
 * @param {number} started - when the command was started, in seconds since 1970
 * @param {number} ended
 * @returns {Phase[]}
 * @throws where the trace lacks a span that a boundary is taken from
 */
export function phases(file, started, ended) {
  const spans = engineSpans(file);
  /** @param {string} name */
  const named = (name) => {
    const found = spans.filter((span) => span.name === name).sort((a, b) => a.start - b.start);
    if (found.length === 0) throw new Error(`The trace ${file} has no span "${name}"; another version of Pulumi?`);
    return found;
  };
  /** @param {Span[]} found */
  const firstStart = (found) => Math.min(...found.map(({ start }) => start));
  /** @param {Span[]} found */
  const lastEnd = (found) => Math.max(...found.map(({ end }) => end));

  const registered = named("pulumirpc.ResourceMonitor/RegisterResource");
  const run = named("pulumirpc.LanguageRuntime/Run");
  const reads = named("pulumirpc.ResourceProvider/Read");
  const boundaries = /** @type {const} */ ([
    ["Starting the CLI", firstStart(named("pulumi"))],
    ["Opening project, state and secrets", firstStart(named("pulumi-plan"))],
    ["Starting language host and plugins", firstStart(reads)],
    ["Refreshing: plugins ask Docker", lastEnd(reads)],
    ["Ending the refresh, asking for the program", firstStart(run)],
    // the first resource is the stack, which Pulumi's SDK registers before it loads the program
    ["Starting Node, loading Pulumi's SDK", firstStart(registered)],
    ["Loading the program, checking its settings", firstStart(registered.slice(1))],
    ["Declaring and comparing the resources", lastEnd(registered)],
    ["Ending Node", lastEnd(run)],
    ["Ending plugins and CLI", ended],
  ]);
  let from = started;
  return boundaries.map(([what, to]) => {
    const seconds = to - from;
    from = to;
    return { what, seconds };
  });
}
