import { label } from "../../components/labels.ts";
import type { Plan, PlannedResource } from "../deployment/plan.ts";
import { isDataVolume, labelsOf, resourceType } from "../deployment/resources.ts";
import { onlyStarts } from "../deployment/summary.ts";

/** A container that a deployment starts anew on data. */
export interface Touched {
  urn: string;
  container: string;
  /** Id in Docker before; nothing where there is none. */
  id?: string;
  isTask: boolean;
  /** Whether its system has data in the stack, which a backup saves; else they are outside, or there are none. */
  isSaved: boolean;
  /** Whether there are data, but no container that they could be read by, as after `slipway down`. */
  isDown: boolean;
  /** Such as `the task upgrade_db runs`. */
  what: string;
}

/**
 * What a plan does to data: tasks that run, and services with data of their own that are replaced or removed. What is
 * deployed for the first time, or merely started, touches nothing; of a stack that is down, neither does what was deployed
 * last.
 *
 * @param deployed the references of the images that were deployed last
 */
export function touchedData(plan: Plan, deployed: ReadonlySet<string>): Touched[] {
  const containers = [...plan.values()].filter(({ type }) => type === resourceType.container);
  const kept = new Set(
    [...plan.values()]
      .filter(({ urn, change }) => isDataVolume(urn) && change === "keep")
      .map(({ newInputs }) => String(newInputs?.["name"])),
  );
  const systems = Map.groupBy(containers, (one) => labelsOf(one.oldInputs ?? one.newInputs).get(label.system));
  return [...systems.values()].flatMap((members) => {
    const holders = members.filter(({ change, oldInputs }) => change !== "create" && hasData(oldInputs));
    const isSaved = holders.length > 0;
    const isDown =
      !isSaved && members.some((one) => one.change === "create" && hasData(one.newInputs) && opens(one, kept));
    return members.flatMap((member): Touched[] => {
      const isTask = !holders.includes(member) && !hasData(member.newInputs);
      const what = isDown
        ? whatOfNew(member, deployed)
        : isTask
          ? whatOfTask(member, isSaved)
          : whatOfHolder(member, plan);
      if (what === undefined) return [];
      const name = String((member.newInputs ?? member.oldInputs)?.["name"]);
      return [
        {
          urn: member.urn,
          container: name,
          isTask,
          isSaved,
          isDown,
          what,
          ...(member.oldId !== undefined && { id: member.oldId }),
        },
      ];
    });
  });
}

function whatOfHolder(holder: PlannedResource, plan: Plan): string | undefined {
  const name = labelsOf(holder.oldInputs).get(label.service) ?? "";
  if (holder.change === "delete") return `${name} is removed`;
  return holder.change === "replace" && !onlyStarts(holder, plan) ? `${name} is replaced` : undefined;
}

/** What is made of another image than before, where all is made anew. */
function whatOfNew(member: PlannedResource, deployed: ReadonlySet<string>): string | undefined {
  const labels = labelsOf(member.newInputs);
  if (deployed.has(labels.get(label.image) ?? "")) return undefined;
  return hasData(member.newInputs) ? `${labels.get(label.service) ?? ""} is another version` : whatOfTask(member, true);
}

/** @param isSaved whether there are data already: else a task that is new runs for the first time */
function whatOfTask({ change, newInputs }: PlannedResource, isSaved: boolean): string | undefined {
  const labels = labelsOf(newInputs);
  const task = labels.get(label.task);
  if (task === undefined || labels.has(label.standby)) return undefined;
  return (change === "create" && isSaved) || change === "replace" ? `the task ${task} runs` : undefined;
}

/** The tasks that are run by hand and are other ones than before. */
export function manualTasks(plan: Plan): string[] {
  return [...plan.values()].flatMap(({ type, change, newInputs }) => {
    const labels = labelsOf(newInputs);
    const task = labels.get(label.task);
    const isManual = type === resourceType.container && task !== undefined && labels.has(label.standby);
    return isManual && change === "replace" ? [task] : [];
  });
}

/** Whether a backup saves something of a container. */
function hasData(inputs: Record<string, unknown> | undefined): boolean {
  const operations = labelsOf(inputs).get(label.operations);
  if (operations === undefined) return false;
  const { database, savedFolders } = JSON.parse(operations) as { database?: unknown; savedFolders?: unknown };
  return database !== undefined || savedFolders !== undefined;
}

/** Whether a container mounts one of these volumes. */
function opens({ newInputs }: PlannedResource, volumes: ReadonlySet<string>): boolean {
  const mounts = (newInputs?.["volumes"] ?? []) as { volumeName?: unknown }[];
  return mounts.some(({ volumeName }) => volumes.has(String(volumeName)));
}
