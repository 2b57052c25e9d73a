import { pulumi } from "../deployment/stack.ts";
import { isRevision, isStateId, resourceType } from "../deployment/resources.ts";

/** A container as the last deployment declared it. */
export interface DeclaredContainer {
  urn: string;
  /** Id in Docker. */
  id: string;
  name: string;
  /** Its inputs, secrets among them in plain text. */
  inputs: Record<string, unknown>;
}

/** What the state of a stack says of its containers. Caution: it holds secrets in plain text. */
export interface Declared {
  containers: DeclaredContainer[];
  /** Ids in Docker of former containers that the next deployment removes. */
  leaving: Set<string>;
  /** URNs of what makes new names for containers and volumes that exist beside those that they replace. */
  revisions: Set<string>;
  /** URNs of the volumes, by their names in Docker. */
  volumes: Map<string, string>;
  /** The id that the stack's containers carry as a label. */
  stateId: string | undefined;
  /** Every text that the state keeps secret. */
  secrets: Set<string>;
}

interface ExportedResource {
  urn: string;
  type: string;
  id?: string;
  delete?: boolean;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/**
 * Reads what the last deployment of a stack declared, by Pulumi, which decrypts it. It is kept in memory only.
 *
 * @param env what makes Pulumi work on the user's own state, from `makeReady`
 */
export async function readDeclared(stack: string, env: Record<string, string>): Promise<Declared> {
  return parseDeclared(await pulumi(["stack", "export", "--stack", stack, "--show-secrets"], env));
}

/** Reads what `pulumi stack export --show-secrets` prints. */
export function parseDeclared(text: string): Declared {
  const { deployment } = JSON.parse(text) as { deployment: { resources?: ExportedResource[] } };
  const all = deployment.resources ?? [];
  const resources = all.filter((resource) => resource.delete !== true);
  const leaving = new Set(all.flatMap((resource) => (resource.delete === true ? [resource.id ?? ""] : [])));
  const secrets = new Set<string>();
  const containers: DeclaredContainer[] = [];
  const volumes = new Map<string, string>();
  const revisions = new Set<string>();
  let stateId: string | undefined;
  for (const { urn, type, id = "", inputs, outputs } of resources) {
    const own = revealed(inputs ?? {}, secrets) as Record<string, unknown>;
    const made = revealed(outputs ?? {}, secrets) as Record<string, unknown>;
    if (type === resourceType.container) containers.push({ urn, id, name: String(own["name"]), inputs: own });
    if (type === resourceType.volume) volumes.set(String(own["name"]), urn);
    if (isRevision(urn)) revisions.add(urn);
    if (isStateId(urn)) stateId = String(made["hex"]);
  }
  return { containers, leaving, revisions, volumes, stateId, secrets };
}

/**
 * What has to be replaced so that a container or volume is: itself, or what makes its name, where it exists beside the one
 * that it replaces.
 */
export function replacedBy(urn: string, { revisions }: Pick<Declared, "revisions">): string {
  const revision = urn.replace(
    /docker:index\/(?:container:Container|volume:Volume)::(.*)-(?:container|carrier|volume)(-\d+)?$/,
    `${resourceType.randomId}::$1-revision$2`,
  );
  return revisions.has(revision) ? revision : urn;
}

/** By these, Pulumi's state marks a secret (sdk/go/common/resource/sig.go). */
const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** A value without the wrapping of secrets; each text in them is noted. */
function revealed(value: unknown, secrets: Set<string>, isSecret = false): unknown {
  if (typeof value === "string") {
    if (isSecret && value !== "") secrets.add(value);
    return value;
  }
  if (Array.isArray(value)) return value.map((one) => revealed(one, secrets, isSecret));
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  if (fields[signatureKey] === secretSignature) {
    return revealed(JSON.parse(String(fields["plaintext"])) as unknown, secrets, true);
  }
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, revealed(field, secrets, isSecret)]));
}
