import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** How much of a failed command's output an error shows, in lines. */
const SHOWN_LINES = 20;

/** A command that could not be run, was stopped, or ended with a non-zero exit code. */
export class CommandError extends Error {
  /**
   * @param {string} message
   * @param {string} output - all that the command wrote
   */
  constructor(message, output) {
    super(message);
    this.name = "CommandError";
    this.output = output;
  }
}

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd] - Default: the current folder
 * @param {NodeJS.ProcessEnv} [options.env] - Default: this process's environment
 * @param {number} [options.timeout] - in milliseconds. Default: none
 * @param {AbortSignal | undefined} [options.signal] - ends the command
 * @param {string} [options.input] - what the command reads from its standard input. Default: nothing
 * @param {(line: string) => void} [options.onLine] - gets each line of output as it comes
 * @returns {Promise<string>} standard output
 * @throws {CommandError} with the last lines of its output
 */
export function run(command, args, { cwd, env, timeout, signal, input, onLine } = {}) {
  return new Promise((resolve, reject) => {
    let output = "";
    const child = spawn(command, args, { cwd, env, timeout, signal, stdio: ["pipe", "pipe", "pipe"] });
    // A command that ends without reading says why by its exit code.
    child.stdin.on("error", () => {}).end(input ?? "");
    /** @param {import("node:stream").Readable} stream */
    const collect = (stream) => {
      let text = "";
      let line = "";
      stream.setEncoding("utf8").on("data", (/** @type {string} */ chunk) => {
        text += chunk;
        output += chunk;
        const lines = (line + chunk).split(/[\r\n]+/);
        line = lines.pop() ?? "";
        for (const whole of lines) if (whole !== "") onLine?.(whole);
      });
      return () => text;
    };
    const stdout = collect(child.stdout);
    collect(child.stderr);
    const shown = [command, ...args].join(" ");
    child.on("error", (error) => {
      reject(new CommandError(`\`${shown}\` could not be run: ${error.message}`, output));
    });
    child.on("close", (code, killed) => {
      if (code === 0) return resolve(stdout());
      const tail = output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
      const how = killed === null ? `failed with exit code ${code}` : `was ended by ${killed}`;
      reject(new CommandError(`\`${shown}\` ${how}${tail && `:\n${tail}`}`, output));
    });
  });
}

/**
 * Finds an executable file as a shell does.
 *
 * @param {string} name
 * @param {string} [path] - folders, as in PATH. Default: this process's PATH
 * @returns {string | undefined}
 */
export function which(name, path = process.env.PATH ?? "") {
  return path
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/**
 * @param {string} file
 * @returns {boolean}
 */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The last line of a command's output, which usually says what was wrong.
 *
 * @param {string} text
 * @returns {string}
 */
export function lastLine(text) {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
