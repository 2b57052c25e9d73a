import { nearest } from "../../settings/nearest.ts";
import type { Member } from "./containers.ts";
import { exitCode, Failure } from "../failure.ts";

/**
 * The containers of the named services, tasks and containers; without names, all of them.
 *
 * @throws Failure with exit code 2 for names that none has.
 */
export function choose<M extends Member>(members: readonly M[], names: readonly string[]): M[] {
  const unknown = names.filter((name) => !members.some((member) => isNamed(member, name)));
  if (unknown.length > 0) {
    const known = namesOf(members);
    const guesses = unknown.map((name) => {
      const guess = nearest(name, [...known, ...members.map(({ container }) => container)]);
      return guess === undefined ? name : `${name} (did you mean ${guess}?)`;
    });
    throw new Failure(`There is no ${guesses.join(", no ")} here. Allowed: ${known.join(", ")}`, exitCode.usage);
  }
  return named(members, names);
}

/** The same, without those names that none has. */
export function named<M extends Member>(members: readonly M[], names: readonly string[]): M[] {
  return members.filter((member) => names.length === 0 || names.some((name) => isNamed(member, name)));
}

/**
 * The container of one service: of the named one; else of the only one that is there, or of the system's main one. Of
 * several equal containers it is one that runs, if any does.
 *
 * @param candidates such as all services, or all databases
 * @throws Failure with exit code 2, naming those to choose from, when it is not clear which one is meant.
 */
export function chooseOne<M extends Member>(candidates: readonly M[], name: string | undefined): M {
  const chosen = name === undefined ? mainOnes(candidates) : choose(candidates, [name]);
  const [one] = [...chosen].sort((a, b) => Number(b.state === "running") - Number(a.state === "running"));
  const services = new Set(chosen.map(({ system, name: service }) => `${system} ${service}`));
  if (one !== undefined && services.size === 1) return one;
  const allowed = name === undefined ? namesOf(candidates) : chosen.map(({ container }) => container);
  throw new Failure(`Which service is meant? Name one of: ${allowed.join(", ")}`, exitCode.usage);
}

function mainOnes<M extends Member>(candidates: readonly M[]): readonly M[] {
  if (namesOf(candidates).length === 1) return candidates;
  return candidates.filter(({ operations }) => operations?.main === true);
}

function isNamed({ name, container }: Member, wanted: string): boolean {
  return name === wanted || container === wanted;
}

function namesOf(members: readonly Member[]): string[] {
  return [...new Set(members.map(({ name }) => name))];
}
