import { choose } from "./choice.ts";
import type { Member } from "./containers.ts";

/** The containers of the named services, or of all, in two parts: the databases, and those that may depend on them. */
export function databasesAndOthers(members: readonly Member[], names: readonly string[]): [Member[], Member[]] {
  const services = choose(
    members.filter(({ kind }) => kind === "service"),
    names,
  );
  const isDatabase = ({ operations }: Member) => operations?.database !== undefined;
  return [services.filter(isDatabase), services.filter((service) => !isDatabase(service))];
}
