import { imageId, stateId } from "./provider-outputs.ts";

/** Docker labels as the provider takes them. */
export function labels(texts: Record<string, string>) {
  return Object.entries(texts).map(([label, value]) => ({ label, value }));
}

/** The labels that everything of a system carries. */
export function ownerLabels(system: string): Record<string, string> {
  return { "slipway.state": stateId, "slipway.stack": "unit", "slipway.system": system };
}

/**
 * The inputs that every container of the project has to have, as they should be. A test adds what is special to one.
 */
export function hardened({
  name,
  reference,
  user,
  own,
  system = "shop",
}: {
  name: string;
  reference: string;
  user: number;
  /** Labels besides those that all have. */
  own: Record<string, string>;
  system?: string;
}) {
  return {
    name,
    hostname: name,
    image: imageId(reference),
    envs: ["TZ=UTC"],
    labels: labels({ ...ownerLabels(system), "slipway.image": reference, ...own }),
    user: `${user}:${user}`,
    readOnly: true,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges"],
    tmpfs: { "/tmp": `uid=${user},gid=${user}` },
    volumes: [] as unknown[],
    removeVolumes: false,
    networkMode: "bridge",
    networksAdvanced: [] as unknown[],
    cpuShares: 1024,
    stopSignal: "SIGTERM",
    stopTimeout: 60,
    destroyGraceSeconds: 60,
    logDriver: "json-file",
    logOpts: { "max-size": "10m", "max-file": "5" },
  };
}

/** The options of every such container; `hooks` and `dependsOn` differ. */
export const hardenedOptions = {
  provider: "host-provider",
  deleteBeforeReplace: true,
  replaceOnChanges: ["healthcheck", "tmpfs", "cpuPeriod", "cpuQuota", "memory"],
  ignoreChanges: ["memorySwap"],
} as const;
