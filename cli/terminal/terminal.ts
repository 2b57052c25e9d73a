import { text as textOf } from "node:stream/consumers";
import { styleText } from "node:util";
import { confirm, isCancel, password, text } from "@clack/prompts";
import { createReport, type Report } from "../../toolchain/report.js";
import { exitCode, Failure } from "../failure.ts";

/** Whether somebody is there who can answer a question. */
export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Progress on standard error; lines that redraw themselves only where there is a terminal that takes them. */
export function progressReport(): Report {
  const { stderr } = process;
  return createReport({
    isTTY: stderr.isTTY && process.env["NO_COLOR"] === undefined,
    columns: stderr.columns,
    write: (line: string) => stderr.write(line),
  });
}

/** Prints a line of a command's result. */
export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a line that is not part of a command's result. */
export function remark(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Text in a colour where standard output is a terminal that takes colours. */
export function coloured(
  colour: "green" | "yellow" | "red" | "cyan" | "magenta" | "blue" | "bold",
  words: string,
): string {
  return styleText(colour, words, { stream: process.stdout });
}

/**
 * Goes on only with the user's consent.
 *
 * @param suggested what Enter answers. Only where nothing is lost that was there may it be yes
 * @throws Failure when the user declines, and, with exit code 2, when nobody can be asked and `yes` was not given.
 */
export async function consent(question: string, options: { yes: boolean }, suggested = false): Promise<void> {
  if (options.yes) return;
  if (!isInteractive()) {
    throw new Failure(`${question} Nobody can be asked here. To agree, add: --yes`, exitCode.usage);
  }
  const answer = await confirm({ message: question, initialValue: suggested, output: process.stderr });
  if (isCancel(answer) || !answer) throw new Failure("Nothing was changed.");
}

/**
 * Goes on only when the user types a name, or has given it beforehand.
 *
 * @throws Failure when another name was typed, and, with exit code 2, when nobody can be asked.
 */
export async function typedConsent(question: string, name: string, given: string | undefined): Promise<void> {
  if (given === undefined && !isInteractive()) {
    throw new Failure(`${question} Nobody can be asked here. To agree, add: --confirm ${name}`, exitCode.usage);
  }
  const answer = given ?? (await text({ message: `${question} Type ${name} to agree:`, output: process.stderr }));
  if (answer !== name) throw new Failure(`"${name}" was not typed. Nothing was changed.`);
}

/**
 * Asks for a new password, twice and unseen; without a terminal, it is what comes in, without a final line break.
 *
 * @throws Failure with exit code 2 when it is empty or has several lines.
 */
export async function newPassword(question: string): Promise<string> {
  if (!isInteractive()) {
    const given = (await textOf(process.stdin)).replace(/\r?\n$/, "");
    const problem = passwordProblem(given);
    if (problem !== undefined) throw new Failure(`${problem} It is read from standard input.`, exitCode.usage);
    return given;
  }
  const ask = async (message: string, validate: (value: string) => string | undefined) => {
    const answer = await password({
      message,
      mask: "",
      validate: (value = "") => validate(value),
      output: process.stderr,
    });
    if (isCancel(answer)) throw new Failure("Nothing was changed.", exitCode.interrupted);
    return answer;
  };
  const given = await ask(`${question}:`, passwordProblem);
  return ask("The same again:", (again) => (again === given ? undefined : "This is another password."));
}

function passwordProblem(value: string): string | undefined {
  if (value === "") return "The password is empty.";
  return /[\r\n]/.test(value) ? "The password has more than one line." : undefined;
}

/** Columns of text, each as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** A time span, such as "45 s", "12 min", "3 h 5 min" or "2 d 4 h". */
export function timeSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
