import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import type { Sandbox } from "./sandbox.ts";
import { until } from "./until.ts";

/** A shell command in a sandbox's clone on a terminal of its own, as a person types it. Made by `script` of util-linux. */
export class Terminal {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #ended: Promise<number | null>;
  #shown = "";
  /** How much of what was shown has been waited for. */
  #seen = 0;

  constructor(sandbox: Sandbox, command: string, { rows = 24, columns = 80 } = {}) {
    const script = `stty rows ${rows} cols ${columns}; ${command}`;
    this.#child = spawn("script", ["--quiet", "--return", "--command", script, "/dev/null"], {
      cwd: sandbox.clone,
      env: { ...sandbox.env, TERM: "xterm", SHELL: "/bin/sh" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#shown += text));
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", resolve);
    });
  }

  /** Types keys. */
  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Waits until something is shown after what was waited for before, and returns it. Colours and the like are left out. */
  async shows(pattern: RegExp, seconds = 30): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null;
    await until(`the terminal shows ${String(pattern)}:\n${this.#plain()}`, seconds, () => {
      found = pattern.exec(this.#plain().slice(this.#seen));
      return Promise.resolve(found !== null);
    }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\nIt shows:\n${this.#plain()}`);
    });
    const match = found as unknown as RegExpExecArray;
    this.#seen += match.index + match[0].length;
    return match;
  }

  /** All that was shown up to now. Colours and the like are left out. */
  everything(): string {
    return this.#plain();
  }

  /** Waits for the command's end; its exit code. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  #plain(): string {
    return stripVTControlCharacters(this.#shown).replaceAll("\r\n", "\n");
  }
}
