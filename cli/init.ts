import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { confirm, isCancel, password, select, text } from "@clack/prompts";
import { parse, stringify } from "yaml";
import { entries, settingKey, valueAt } from "../settings/path.ts";
import { secretNames, systemNames, type SystemName } from "../settings/systems.ts";
import { dockerOf } from "./docker/docker.ts";
import { exitCode, Failure } from "./failure.ts";
import { answerFor } from "./moving-in/answer-for.ts";
import { chooseEnvironment, environmentLine, type EnvironmentOptions } from "./moving-in/environment.ts";
import { newStackText, refuseExisting, settingsProblems, writeNewStack } from "./moving-in/new-stack.ts";
import { prepare } from "./deployment/prepare.ts";
import { hostPorts, isHostPort, type HostPorts } from "./moving-in/host-ports.ts";
import {
  mistake,
  questionsOf,
  suggestionOf,
  valueOf,
  withAnswer,
  type Answers,
  type Asked,
} from "./moving-in/questions.ts";
import { commandLine, siteOf, type CommonOptions, type Site } from "./site.ts";
import { coloured, consent, isInteractive, say } from "./terminal/terminal.ts";

/** Answers that are given beforehand. */
export interface InitOptions extends CommonOptions, EnvironmentOptions {
  /** A YAML file with answers, the environment among them. */
  answers?: string;
  /** Answers, such as `hostPort=443`. */
  set: string[];
  /** Replaces a stack file that is there. */
  overwrite: boolean;
}

/** Asks what a system's settings ask, and writes the stack's file. Where nobody can be asked, suggestions are the answers. */
export async function init(systemName: string | undefined, options: InitOptions): Promise<void> {
  const system = systemNames.find((name) => name === systemName);
  if (system === undefined) {
    const what = systemName === undefined ? "Which system?" : `There is no system "${systemName}".`;
    throw new Failure(
      `${what} Type: ${commandLine("init SYSTEM", options)}. Allowed: ${systemNames.join(", ")}`,
      exitCode.usage,
    );
  }
  const site = siteOf(options);
  refuseExisting(site, options.overwrite);
  const answersGiven = givenAnswers(system, options);
  const environment = await chooseEnvironment(options, answersGiven["environment"]);
  const given = { ...answersGiven, environment };
  const isAsked = isInteractive() && !options.yes;
  const { answers, folders, asked } = await answered(
    system,
    given,
    isAsked ? await askingUser(site, options) : unasked,
  );

  const settings = answers[system] ?? {};
  const secrets = Object.fromEntries(Object.entries(answers).filter(([key]) => secretNames.has(key)));
  const stack = { system, environment, settings: settings as Record<string, unknown>, secrets };
  const problems = settingsProblems(options.stack, newStackText(site, stack), (step) => answerFor(system, step));
  if (problems !== undefined) throw new Failure(problems, exitCode.usage);

  const missing = folders.filter((folder) => !existsSync(folder));
  say(environmentLine(environment));
  if (!isAsked && asked.length > 0) {
    say("Nobody was asked, so these are as suggested. Others: --set KEY=VALUE; secrets: --answers FILE");
    for (const question of asked) say(`  ${assumption(system, question, answers)}`);
  }
  say(coloured("bold", site.stackFile));
  say(stringify({ [`slipway:${system}`]: settings }, { lineWidth: 0 }).trimEnd());
  for (const name of Object.keys(secrets)) say(`slipway:${name}: (encrypted)`);
  for (const folder of missing) say(`A new folder: ${folder}`);
  if (isInteractive()) await consent("Write this?", options, true);
  for (const folder of missing) mkdirSync(folder, { recursive: true });
  const { env } = await prepare(options, { pulumi: true }, { makesStackFile: false });
  const former = await writeNewStack(site, env, stack);
  if (former !== undefined) say(`The former file is kept as ${former}`);
  say(coloured("green", `The settings of the stack "${options.stack}" are in ${site.stackFile}`));
  say(`To deploy, type: ${commandLine("up", options)}`);
}

/** Answers a question, given the answers so far; undefined leaves the default in force. */
type Ask = (question: Asked, answers: Answers) => Promise<unknown>;

interface Outcome {
  answers: Answers;
  /** Folders of the host that have to be there. */
  folders: string[];
  /** The questions that were not answered beforehand. */
  asked: Asked[];
}

/** The answers that the file and the options give. */
function givenAnswers(system: SystemName, { answers: file, set }: InitOptions): Answers {
  let answers: Answers = { [system]: {} };
  const from = file === undefined ? {} : readAnswers(file);
  for (const [key, value] of entries(from)) {
    answers = withAnswer(answers, secretNames.has(key) || key === "environment" ? [key] : [system, key], value);
  }
  for (const option of set) {
    const [, key, value = ""] = /^([A-Za-z][\w.]*)=(.*)$/s.exec(option) ?? [];
    if (key === undefined) {
      throw new Failure(
        `--set takes KEY=VALUE, such as hostPort=8443, but got: ${option.split("=")[0] ?? ""}`,
        exitCode.usage,
      );
    }
    if (secretNames.has(key)) {
      throw new Failure(
        `--set ${key} would show the secret to everybody who sees the list of processes. Give it in a file, by --answers.`,
        exitCode.usage,
      );
    }
    answers = withAnswer(answers, [system, ...key.split(".")], valueSet(key, value));
  }
  return answers;
}

function valueSet(key: string, value: string): unknown {
  try {
    return parse(value);
  } catch {
    throw new Failure(
      `--set ${key} takes a value as YAML has it, but got: ${value}. Text goes between quotation marks, such as: --set '${key}="…"'`,
      exitCode.usage,
    );
  }
}

function readAnswers(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    // What follows shows lines or words of the file, in which secrets may stand.
    const [reason = ""] = (error as Error).message.split(/:\n| \(/);
    throw new Failure(`The answers in ${file} cannot be read: ${reason}`, exitCode.usage);
  }
}

/** The place of a question's answer: of a choice between kinds, the kind. */
function answerPath({ path, field }: Asked): string[] {
  return field.oneOf === undefined ? path : [...path, "kind"];
}

/** Goes through the questions that the answers so far let be asked, except those that are answered already. */
async function answered(system: SystemName, given: Answers, ask: Ask): Promise<Outcome> {
  let answers = given;
  const folders: string[] = [];
  const asked: Asked[] = [];
  const done = new Set<string>();
  for (;;) {
    const question = questionsOf(system, answers).find(({ path }) => !done.has(settingKey(path)));
    if (question === undefined) return { answers, folders, asked };
    done.add(settingKey(question.path));
    const path = answerPath(question);
    if (valueAt(answers, path) === undefined) {
      asked.push(question);
      answers = withAnswer(answers, path, await ask(question, answers));
    }
    const answer = valueAt(answers, path);
    if (question.makesFolder === true && typeof answer === "string") folders.push(answer);
  }
}

/** What stands in the file where nobody is asked; defaults need not stand there. */
function unasked(question: Asked): Promise<unknown> {
  const { field, suggestion } = question;
  if (field.oneOf !== undefined) return Promise.resolve(field.oneOf[0]?.properties?.["kind"]?.const);
  return Promise.resolve(suggestion === undefined ? undefined : suggestionOf(question));
}

/** What a question has for an answer that nobody gave, such as `hostPort: 443`. */
function assumption(system: SystemName, question: Asked, answers: Answers): string {
  const path = answerPath(question);
  const key = settingKey(path[0] === system ? path.slice(1) : path);
  if (question.isSecret) return `${key}: the stack makes one`;
  const value = valueAt(answers, path) ?? question.field.default;
  return `${key}: ${value === undefined ? "none" : stringify(value, { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 }).trimEnd()}`;
}

/** Asks the user until the answer is right. */
async function askingUser(site: Site, options: CommonOptions): Promise<Ask> {
  const docker = await dockerOf(site, options).catch(() => undefined);
  const ports = await hostPorts(site, docker);
  return (question, answers) =>
    isHostPort(question, answers) ? askPort(question, answers, ports) : askUser(question, answers);
}

/** @throws Failure when the user breaks off. */
async function askUser(question: Asked, answers: Answers): Promise<unknown> {
  return unlessBrokenOff(await prompt(question, answers));
}

/** Asks for a port of the host, and says of one that is taken who listens on it. */
async function askPort(question: Asked, answers: Answers, ports: HostPorts): Promise<unknown> {
  const standard = Number(suggestionOf(question));
  const holder = await ports.holder(question, standard, answers);
  let asked = question;
  if (holder !== undefined) {
    const suggestion = await ports.free(question, standard, answers);
    asked = { ...question, ask: `${question.ask} (${standard} is taken: ${holder})`, suggestion };
  }
  for (;;) {
    const port = Number(await askUser(asked, answers));
    const other = await ports.holder(question, port, answers);
    if (other === undefined) return port;
    const message = `${port} is taken: ${other}. Use it all the same?`;
    if (unlessBrokenOff(await confirm({ message, initialValue: false, output: process.stderr }))) return port;
    asked = { ...question, suggestion: await ports.free(question, port, answers) };
  }
}

function unlessBrokenOff<T>(answer: T | symbol): T {
  if (isCancel(answer)) throw new Failure("Nothing was changed.", exitCode.interrupted);
  return answer as T;
}

async function prompt(question: Asked, answers: Answers): Promise<unknown> {
  const { ask, field, path, isSecret, suggestion } = question;
  const output = process.stderr;
  if (field.oneOf !== undefined) {
    const kinds = field.oneOf.flatMap(({ properties }) => properties?.["kind"] ?? []);
    const options = kinds.map(({ const: kind = "", description = "" }) => ({
      value: kind,
      label: kind,
      hint: description,
    }));
    return select({ message: `${ask}?`, options, output });
  }
  const suggested = suggestionOf(question);
  if (field.type === "boolean") return confirm({ message: `${ask}?`, initialValue: suggested === true, output });
  if (isSecret) {
    const validate = (typed = "") => mistake(answers, path, typed === "" ? undefined : typed);
    const message = `${ask}? (not shown; Enter: the stack makes one)`;
    const typed = await password({ message, mask: "", validate, output });
    return typed === "" ? undefined : typed;
  }
  const words = [suggested].flat().filter((word) => typeof word === "string" || typeof word === "number");
  const shown = words.join(" ");
  const valueTyped = (typed: string) => (typed === "" ? (suggested ?? undefined) : valueOf(typed, field));
  const enter =
    shown === ""
      ? " (Enter: none)"
      : ` (Enter: ${shown}${suggestion !== undefined && field.default === undefined ? "; -: none" : ""})`;
  const typed = await text({
    message: `${ask}?${enter}`,
    output,
    validate: (text = "") => mistake(answers, path, valueTyped(text)),
  });
  return isCancel(typed) ? typed : valueTyped(typed);
}
