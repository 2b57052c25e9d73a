import { spawn } from "node:child_process";

/**
 * One of the commands that are compared.
 *
 * @typedef {object} Contender
 * @property {string} title
 * @property {string[]} command
 * @property {string} cwd
 * @property {NodeJS.ProcessEnv} env
 */

/**
 * Times a command, from its start to its end.
 *
 * @param {Contender} contender
 * @returns {Promise<number>} seconds
 * @throws where it fails: with its output
 */
export function time({ title, command: [program = "", ...args], cwd, env }) {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      if (code === 0) resolve(seconds);
      else reject(new Error(`${title} was not a no-op: it ended with exit code ${code}.\n${output}`));
    });
  });
}

/**
 * Times commands in turn, so that what else happens on the machine befalls all of them, after one run of each that does not
 * count.
 *
 * @param {Contender[]} contenders
 * @param {number} runs
 * @returns {Promise<number[][]>} seconds, of each contender
 */
export async function alternate(contenders, runs) {
  /** @type {number[][]} */
  const seconds = contenders.map(() => []);
  for (let round = 0; round <= runs; round++) {
    for (const [index, contender] of contenders.entries()) {
      const taken = await time(contender);
      if (round > 0) seconds[index]?.push(taken);
    }
  }
  return seconds;
}

/**
 * @param {number[]} values - at least one
 * @returns {number}
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}
