/** The types of the program's resources that the command line speaks of. */
export const resourceType = {
  stack: "pulumi:pulumi:Stack",
  container: "docker:index/container:Container",
  network: "docker:index/network:Network",
  volume: "docker:index/volume:Volume",
  image: "docker:index/remoteImage:RemoteImage",
  randomId: "random:index/randomId:RandomId",
} as const;

/** The types of issued certificates. */
export const certificateTypes: readonly string[] = [
  "tls:index/selfSignedCert:SelfSignedCert",
  "tls:index/locallySignedCert:LocallySignedCert",
];

/** Tells a volume that holds data from one that carries generated files. */
export function isDataVolume(urn: string): boolean {
  return urn.includes(`slipway:index:Volume$${resourceType.volume}::`);
}

/** Whether a resource stands for a service's health: it is made anew, when they are healthy, with its containers. */
export function isHealthGate(urn: string): boolean {
  return urn.includes(`slipway:index:Service$${resourceType.randomId}::`) && urn.endsWith("-healthy");
}

/** Whether a resource makes new names for a container or volume that exists beside the one that it replaces. */
export function isRevision(urn: string): boolean {
  return urn.includes(`$${resourceType.randomId}::`) && /-revision(?:-\d+)?$/.test(urn);
}

/** Whether a resource is the id by which containers and networks name their state. */
export function isStateId(urn: string): boolean {
  return urn.includes(`slipway:index:Host$${resourceType.randomId}::`);
}

/** The labels among a container's or network's inputs; those whose value is not a plain text are left out. */
export function labelsOf(inputs: Record<string, unknown> | undefined): Map<string, string> {
  const entries = inputs?.["labels"];
  if (!Array.isArray(entries)) return new Map();
  return new Map(
    (entries as { label?: unknown; value?: unknown }[]).flatMap((entry) =>
      typeof entry.label === "string" && typeof entry.value === "string" ? [[entry.label, entry.value] as const] : [],
    ),
  );
}
