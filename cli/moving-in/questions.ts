import { homedir } from "node:os";
import { imageDemand, type Environment } from "../../settings/environment.ts";
import { settingKey, valueAt } from "../../settings/path.ts";
import type { Question } from "../../settings/question.ts";
import { chosen, fieldAt, stackFields, type Field } from "../../settings/schema.ts";
import { stackSchema } from "../../settings/stack.ts";
import { imageChoices, systems, type SystemName } from "../../settings/systems.ts";

/** The keys of a stack that were answered so far, as its file would hold them. */
export type Answers = Record<string, unknown>;

/** A question, with the setting that its answer goes to. */
export interface Asked extends Question {
  /** The setting's place among the keys of the stack. */
  path: string[];
  field: Field;
  /** The answer is never shown, and generated when it is left out. */
  isSecret: boolean;
}

/**
 * The questions that a system's settings ask, in their order, as far as the answers so far, the environment among them, let
 * them be asked.
 */
export function questionsOf(system: SystemName, answers: Answers): Asked[] {
  const fields = stackFields();
  const secrets = Object.keys(systems[system].secrets);
  const environment = valueAt(answers, ["environment"]) as Environment;
  const found = [
    ...asked([system], fields.properties?.[system], answers),
    ...secrets.flatMap((name) => asked([name], fields.properties?.[name], answers, true)),
    ...askedImages(environment, fields, answers),
  ];
  const isMet = (key: string, value: unknown) => {
    const path = [system, ...key.split(".")];
    return (valueAt(answers, path) ?? fieldAt(fields, path, answers)?.default) === value;
  };
  return found
    .filter(({ environments = [environment] }) => environments.includes(environment))
    .filter(({ when = {} }) => Object.entries(when).every(([key, value]) => isMet(key, value)))
    .sort((a, b) => a.order - b.order);
}

function asked(path: string[], field: Field | undefined, answers: Answers, isSecret = false): Asked[] {
  if (field === undefined) return [];
  const group = chosen(field, valueAt(answers, path));
  const own = field.question === undefined ? [] : [{ ...field.question, path, field, isSecret }];
  return [
    ...own,
    ...Object.entries(group?.properties ?? {}).flatMap(([name, part]) => asked([...path, name], part, answers)),
  ];
}

/** The images that have to be named in an environment in which none is built. */
function askedImages(environment: Environment, fields: Field, answers: Answers): Asked[] {
  return imageChoices(answers).flatMap(({ path, source }, index) => {
    const field = fieldAt(fields, path, answers);
    const isFit = imageDemand(environment, "pull" in source ? source.pull : undefined) === undefined;
    if (field === undefined || isFit) return [];
    const pin = environment === "prod" ? "digest" : "tag or digest";
    return [
      { order: 100 + index, ask: `Image of ${path[2]} in your registry, by ${pin}`, path, field, isSecret: false },
    ];
  });
}

/** What Enter answers to a question: the suggestion, or else the setting's default; undefined where there is neither. */
export function suggestionOf({ suggestion, field }: Asked): unknown {
  return suggestion === undefined ? field.default : typeof suggestion === "string" ? inHome(suggestion) : suggestion;
}

/**
 * The setting's value that a typed text means: `-` stands for none, where none is allowed, and `~/` for the user's own
 * folder.
 */
export function valueOf(typed: string, field: Field): unknown {
  if (field.type === "array") return typed.split(/[\s,]+/).filter((item) => item !== "");
  if (field.type === "integer") return /^\d+$/.test(typed) ? Number(typed) : typed;
  return typed === "-" ? undefined : inHome(typed);
}

function inHome(text: string): string {
  return text.startsWith("~/") ? homedir() + text.slice(1) : text;
}

/** The answers with one more; undefined takes an answer back. */
export function withAnswer(answers: Answers, path: readonly string[], value: unknown): Answers {
  const [first = "", ...rest] = path;
  if (rest.length > 0) {
    const group = valueAt(answers, [first]);
    if (group === undefined && value === undefined) return answers;
    return { ...answers, [first]: withAnswer((group ?? {}) as Answers, rest, value) };
  }
  const others = Object.entries(answers).filter(([key]) => key !== first);
  return Object.fromEntries(value === undefined ? others : [...others, [first, value]]);
}

/** Why an answer cannot be what it is, as the settings' own schema says; nothing when it can. */
export function mistake(answers: Answers, path: readonly string[], value: unknown): string | undefined {
  const stack = { environment: "dev", ...withAnswer(answers, path, value) };
  const key = settingKey(path);
  const issue = stackSchema
    .safeParse(stack)
    .error?.issues.find((each) => settingKey(each.path) === key || settingKey(each.path).startsWith(`${key}[`));
  return issue === undefined ? undefined : `${issue.message[0]?.toUpperCase() ?? ""}${issue.message.slice(1)}.`;
}
