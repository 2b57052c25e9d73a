/**
 * Tells a person what is being made ready: what, why and how long.
 *
 * @typedef {object} Report
 * @property {(message: string) => void} note - says one thing that needs no time
 * @property {<T>(what: string, why: string, work: (detail: (line: string) => void) => Promise<T>) => Promise<T>} step -
 *   announces a piece of work, does it, and says how long it took. The work may hand over lines of output; the latest is
 *   shown where there is a terminal. Steps may overlap.
 */

/** How often the line of running steps is redrawn on a terminal, in milliseconds. */
const REDRAW = 500;

/**
 * @param {number} milliseconds
 * @returns {string} such as "0.4 s", "12 s", "3 min 5 s"
 */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * Makes a report that writes lines to a stream, and on a terminal keeps the running steps in view below them.
 *
 * @param {{ isTTY?: boolean, columns?: number, write(text: string): unknown }} [stream] - Default: standard error, so that
 *   a command's data can be piped
 * @returns {Report}
 */
export function createReport(stream = process.stderr) {
  /** @type {Set<{ what: string, start: number, detail: string }>} */
  const running = new Set();
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  /** @param {string} line */
  const print = (line) => {
    stream.write(stream.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`);
    draw();
  };
  const draw = () => {
    if (!stream.isTTY) return;
    const status = [...running]
      .map(({ what, start, detail }) => `${what} (${duration(Date.now() - start)})${detail && `: ${detail}`}`)
      .join(" | ");
    stream.write(`\r\x1b[K${status.slice(0, (stream.columns ?? 80) - 1)}`);
  };

  return {
    note: print,
    async step(what, why, work) {
      const step = { what, start: Date.now(), detail: "" };
      print(`… ${what}: ${why}`);
      running.add(step);
      timer ??= stream.isTTY ? setInterval(draw, REDRAW) : undefined;
      let end = "✗";
      try {
        const result = await work((line) => {
          // control characters of a tool's own progress display would garble the line
          step.detail = line.replace(/\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f]/g, " ").trim();
        });
        end = "✓";
        return result;
      } finally {
        running.delete(step);
        if (running.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
        print(`${end} ${what} (${duration(Date.now() - step.start)})`);
      }
    },
  };
}
