import { label } from "../../components/labels.ts";
import type { Change, Plan, PlannedResource } from "./plan.ts";
import { certificateTypes, isDataVolume, labelsOf, resourceType } from "./resources.ts";

/** Resources that belong to no system of their own. */
const shared = "shared";

/** What happens to a service or task. */
type Fate = "created" | "replaced" | "started again" | "changed in place" | "scaled up" | "scaled down" | "removed";

type MemberKind = "service" | "task" | "manual task";

interface MemberChange {
  kind: MemberKind;
  name: string;
  fate: Fate;
  reasons: string[];
}

/**
 * Says in plain words what a plan does: a line a system, such as "clinic: 2 services replaced (image 1.2.3 → 1.2.4), the
 * database volume is kept", and below it a line for each service and task that is already there and changes.
 */
export function summarise(plan: Plan): string[] {
  return [...bySystem(plan)].flatMap(([system, resources]) => {
    const members = memberChanges(resources, plan);
    const parts = [...creations(members, resources), ...memberParts(members), ...otherParts(resources)];
    const head = `${system}: ${parts.length === 0 ? "no change" : [...parts, ...volumesKept(resources)].join(", ")}`;
    const details = members
      .filter(({ fate }) => fate !== "created")
      .map(({ name, fate, reasons }) => `  ${name}: ${fate}${inBrackets(reasons)}`);
    return [head, ...details];
  });
}

function inputsOf({ newInputs, oldInputs }: PlannedResource): Record<string, unknown> {
  return newInputs ?? oldInputs ?? {};
}

/** The component directly below the stack that a resource is part of. */
function rootOf(resource: PlannedResource, plan: Plan): string {
  let root = resource;
  for (;;) {
    const parent = plan.get(root.parent);
    if (parent === undefined || parent.type === resourceType.stack) return root.urn;
    root = parent;
  }
}

/** Labels name a container's or a network's system; whatever else stands below the same component belongs to it too. */
function bySystem(plan: Plan): Map<string, PlannedResource[]> {
  const leaves = [...plan.values()].filter(({ type }) => type.startsWith("docker:") || certificateTypes.includes(type));
  const own = (resource: PlannedResource) => labelsOf(inputsOf(resource)).get(label.system);
  const named = new Map(
    leaves.flatMap((leaf) => {
      const system = own(leaf);
      return system === undefined ? [] : [[rootOf(leaf, plan), system] as const];
    }),
  );
  const [only, another] = new Set(named.values());
  const systems = new Map<string, PlannedResource[]>();
  for (const leaf of leaves) {
    const system = own(leaf) ?? named.get(rootOf(leaf, plan)) ?? (another === undefined ? only : undefined) ?? shared;
    systems.set(system, [...(systems.get(system) ?? []), leaf]);
  }
  return systems;
}

function memberChanges(resources: PlannedResource[], plan: Plan): MemberChange[] {
  const members = new Map<string, { kind: MemberKind; name: string; containers: PlannedResource[] }>();
  for (const container of resources.filter(({ type }) => type === resourceType.container)) {
    const labels = labelsOf(inputsOf(container));
    const service = labels.get(label.service);
    const name = service ?? labels.get(label.task);
    const kind = service !== undefined ? "service" : labels.has(label.standby) ? "manual task" : "task";
    if (name === undefined) continue;
    const member = members.get(`${kind} ${name}`) ?? { kind, name, containers: [] };
    member.containers.push(container);
    members.set(`${kind} ${name}`, member);
  }
  return [...members.values()].flatMap(({ kind, name, containers }) => {
    const reasons = [...new Set(containers.flatMap((container) => reasonsFor(container, plan)))];
    const fate = fateOf(
      containers.map(({ change }) => change),
      reasons,
    );
    return fate === undefined ? [] : [{ kind, name, fate, reasons: fate === "started again" ? [] : reasons }];
  });
}

const stopped = "it does not run";

/** Several containers may make one service. */
function fateOf(changes: Change[], reasons: string[]): Fate | undefined {
  const all = (change: Change) => changes.every((one) => one === change);
  if (all("create")) return "created";
  if (all("delete")) return "removed";
  if (changes.includes("replace")) return "replaced";
  if (changes.includes("create")) return "scaled up";
  if (changes.includes("delete")) return "scaled down";
  if (!changes.includes("update")) return undefined;
  return reasons.every((reason) => reason === stopped) ? "started again" : "changed in place";
}

const words: Partial<Record<string, string>> = {
  command: "command",
  entrypoints: "command",
  healthcheck: "health check",
  mustRun: stopped,
  name: "name",
  networksAdvanced: "networks",
  restart: "restart policy",
  volumes: "mounts",
  mounts: "mounts",
  user: "user",
};

/** Why a container changes, in words. */
function reasonsFor(container: PlannedResource, plan: Plan): string[] {
  if (container.change !== "replace" && container.change !== "update") return [];
  const { oldInputs = {}, newInputs = {} } = container;
  const before = labelsOf(oldInputs);
  const after = labelsOf(newInputs);
  const image = imageReason(before.get(label.image), after.get(label.image));
  const reasons = container.differences.flatMap((difference) => {
    const key = difference.split(/[.[]/)[0] ?? difference;
    switch (key) {
      case "image":
        return [image ?? "image"];
      case "labels":
        return [
          ...(image === undefined ? [] : [image]),
          ...(filesChanged(before.get(label.files), after.get(label.files), plan) ? ["configuration or secrets"] : []),
        ];
      case "envs":
        return [environmentReason(oldInputs["envs"], newInputs["envs"])];
      // A container that does not run publishes nothing, and cannot be made to without being replaced.
      case "ports":
        return [container.differences.includes("mustRun") && isEmpty(oldInputs["ports"]) ? stopped : "ports"];
      case "memory":
        return [`memory ${String(oldInputs["memory"])} → ${String(newInputs["memory"])} MiB`];
      default:
        return [words[key] ?? key];
    }
  });
  const known = [...new Set(reasons)];
  // A container that is replaced anyhow is not worth a word about not running.
  return known.length > 1 ? known.filter((reason) => reason !== stopped) : known;
}

/** Whether a container is replaced only because that is how it is started again. */
export function onlyStarts(container: PlannedResource, plan: Plan): boolean {
  const reasons = reasonsFor(container, plan);
  return reasons.length > 0 && reasons.every((reason) => reason === stopped);
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}

/** What distinguishes two references of an image: the version; where that is the same, that it is another build. */
function imageReason(before: string | undefined, after: string | undefined): string | undefined {
  if (before === undefined || after === undefined || before === after) return undefined;
  const [old, current] = [imageVersion(before), imageVersion(after)];
  return old === current ? `image ${current} built anew` : `image ${old} → ${current}`;
}

/** The tag of an image reference without the hash that Slipway appends; without a tag, the beginning of the digest. */
function imageVersion(reference: string): string {
  const [name = "", digest] = reference.split("@");
  const tag = /:([^:/]+)$/.exec(name)?.[1];
  return tag?.replace(/-[0-9a-f]{12}$/, "") ?? digest?.slice(0, "sha256:".length + 12) ?? name;
}

/** Whether the generated files differ, and not only the image that their carrier is made of. */
function filesChanged(before: string | undefined, after: string | undefined, plan: Plan): boolean {
  if (before === after) return false;
  const carriers = before?.split(" ") ?? [];
  return ![...plan.values()]
    .filter(({ oldId }) => oldId !== undefined && carriers.includes(oldId))
    .every(
      ({ change, differences }) =>
        change === "keep" || (differences.length > 0 && differences.every((one) => one === "image")),
    );
}

function environmentReason(before: unknown, after: unknown): string {
  const variables = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
  const [old, current] = [variables(before), variables(after)];
  const changed = [...old.filter((one) => !current.includes(one)), ...current.filter((one) => !old.includes(one))];
  const names = new Set(changed.map((variable) => variable.split("=")[0] ?? ""));
  return `environment ${[...names].sort().join(", ")}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** "creates 6 services, 2 tasks and 3 networks" */
function creations(members: MemberChange[], resources: PlannedResource[]): string[] {
  const created = (type: string) =>
    resources.filter((resource) => resource.type === type && resource.change === "create");
  const membersCreated = (kind: MemberChange["kind"]) =>
    members.filter((member) => member.kind === kind && member.fate === "created").length;
  const nouns = [
    [membersCreated("service"), "service"],
    [membersCreated("task"), "task"],
    [membersCreated("manual task"), "manual task"],
    [created(resourceType.network).length, "network"],
    [created(resourceType.volume).filter(({ urn }) => isDataVolume(urn)).length, "volume"],
    [created(resourceType.image).length, "image"],
  ] as const;
  const counts = nouns.filter(([number]) => number > 0).map(([number, noun]) => count(number, noun));
  const last = counts.pop();
  if (last === undefined) return [];
  return [`creates ${counts.length === 0 ? last : `${counts.join(", ")} and ${last}`}`];
}

/** "2 services replaced (image 2.4.23 → 2.4.24)", services with the same reasons together. */
function memberParts(members: MemberChange[]): string[] {
  const groups = new Map<string, { kind: MemberChange["kind"]; text: string; number: number }>();
  for (const { kind, fate, reasons } of members) {
    if (fate === "created") continue;
    const fateInWords = kind === "task" && fate === "replaced" ? "run again" : fate;
    const text = `${fateInWords}${inBrackets(reasons)}`;
    const group = groups.get(kind + text) ?? { kind, text, number: 0 };
    group.number += 1;
    groups.set(kind + text, group);
  }
  return [...groups.values()].map(({ kind, text, number }) => `${count(number, kind)} ${text}`);
}

function inBrackets(reasons: string[]): string {
  return reasons.length === 0 ? "" : ` (${reasons.join("; ")})`;
}

function otherParts(resources: PlannedResource[]): string[] {
  const number = (types: readonly string[], change: Change) =>
    resources.filter((resource) => types.includes(resource.type) && resource.change === change).length;
  const replaced = number([resourceType.network], "replace");
  const removed = number([resourceType.network], "delete");
  const lost = resources.filter(
    ({ urn, change }) => isDataVolume(urn) && (change === "delete" || change === "replace"),
  );
  return [
    ...(replaced === 0 ? [] : [`${count(replaced, "network")} replaced`]),
    ...(removed === 0 ? [] : [`${count(removed, "network")} removed`]),
    ...(number(certificateTypes, "replace") === 0 ? [] : ["the certificate is renewed"]),
    ...lost.map(
      ({ oldInputs }) => `the volume ${String(oldInputs?.["name"])} stays in Docker with its data, but is used no more`,
    ),
  ];
}

function volumesKept(resources: PlannedResource[]): string[] {
  const databases = new Set(
    resources
      .filter((resource) => resource.type === resourceType.container && isDatabase(resource))
      .flatMap((resource) => mountedVolumes(resource)),
  );
  const kept = resources
    .filter(({ urn, change }) => isDataVolume(urn) && change === "keep")
    .map((volume) => String(inputsOf(volume)["name"]));
  const [database, other] = [kept.filter((name) => databases.has(name)), kept.filter((name) => !databases.has(name))];
  return [
    ...(database.length === 0 ? [] : ["the database volume is kept"]),
    ...(other.length === 0
      ? []
      : [
          `the ${other.length === 1 ? "volume" : "volumes"} ${other.join(", ")} ${other.length === 1 ? "is" : "are"} kept`,
        ]),
  ];
}

function isDatabase(container: PlannedResource): boolean {
  const operations = labelsOf(inputsOf(container)).get(label.operations);
  return operations !== undefined && (JSON.parse(operations) as { database?: unknown }).database !== undefined;
}

function mountedVolumes(container: PlannedResource): string[] {
  const volumes = inputsOf(container)["volumes"];
  return Array.isArray(volumes)
    ? (volumes as { volumeName?: unknown }[]).map(({ volumeName }) => String(volumeName))
    : [];
}
