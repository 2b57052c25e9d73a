import { randomBytes } from "node:crypto";
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { pipeProcess, type DockerPipe } from "../../docker/docker-pipe.ts";
import { Failure } from "../../failure.ts";

/** How often it is looked whether the container at the other end is still there, in milliseconds. */
const watch = 2000;

/**
 * Asks the container at the other end of a folder for something, such as a dump.
 *
 * The folder is shared with that container alone. It waits for lines `WORD ID` in the pipe `request`, writes the answer into
 * the pipe `answer.ID`, and, before it closes that, the exit code into the file `code.ID` and its complaints into `errors.ID`.
 *
 * @param what what is asked for, for the message when it fails
 */
export function request(folder: string, word: string, what: string): DockerPipe {
  const id = randomBytes(8).toString("hex");
  const file = (name: string) => join(folder, `${name}.${id}`);
  execFileSync("mkfifo", ["--mode=666", file("answer")]);
  const { stdin, stdout, ended: read, kill } = pipeProcess("cat", [file("answer")], what);
  let gone = !send(folder, `${word} ${id}\n`);
  const look = setInterval(() => {
    gone ||= !send(folder, "");
    if (gone) kill();
  }, watch);
  if (gone) kill();
  const settle = async () => {
    try {
      await read;
      if (!existsSync(file("code"))) throw new Failure(`${what} failed: it was broken off`);
      const code = readFileSync(file("code"), "utf8").trim();
      const complaint = readFileSync(file("errors"), "utf8").trim().slice(-2000);
      if (code !== "0") throw new Failure(`${what} failed (exit code ${code}): ${complaint}`);
    } catch (error) {
      throw gone ? new Failure(`${what} failed: the container that hands it over does not run`) : error;
    } finally {
      clearInterval(look);
      for (const name of ["answer", "code", "errors"]) removeRequest(file(name));
    }
  };
  const ended = settle();
  ended.catch(() => undefined);
  return { stdin, stdout, ended, kill };
}

/** Writes into the pipe of a folder; says whether anybody reads it. */
function send(folder: string, line: string): boolean {
  let pipe: number;
  try {
    pipe = openSync(join(folder, "request"), constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    if (line !== "") writeSync(pipe, line);
    return true;
  } finally {
    closeSync(pipe);
  }
}

/** Removes what a killed process has left in a folder. */
export function clearRequests(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => /^(?:answer|code|errors)\./.test(each))) {
    removeRequest(join(folder, name));
  }
}

/** Removes a pipe or file while it has a reader, so that nobody waits in vain for one. */
function removeRequest(file: string): void {
  if (!existsSync(file)) return;
  const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  rmSync(file, { force: true });
  closeSync(reader);
}
