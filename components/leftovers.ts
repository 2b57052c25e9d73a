import type Docker from "dockerode";
import { label } from "./labels.ts";

interface LabelledInputs {
  name: string;
  labels: { label: string; value: string }[];
}

function stateOf(inputs: LabelledInputs): string | undefined {
  return inputs.labels.find((entry) => entry.label === label.state)?.value;
}

function isMissing(error: unknown): boolean {
  return (error as { statusCode?: number }).statusCode === 404;
}

function heldByAnother(kind: string, name: string, labels: Record<string, string>): Error {
  const stack = labels[label.stack] ?? labels["com.docker.compose.project"];
  const owner = stack === undefined ? "nobody that Slipway knows" : `"${stack}", of another state or tool`;
  return new Error(
    `The name "${name}" is held by a ${kind} that belongs to ${owner}. Nothing of it was touched. ` +
      `Give this system another name (pulumi config set --path <system>.name), or remove that ${kind} yourself: ` +
      `docker ${kind} rm ${name}`,
  );
}

/**
 * Before a container is created: removes a container of the same name that a killed run of this very stack left behind.
 *
 * @throws Error when the name is held by anything else.
 */
export async function removeLeftoverContainer(client: Docker, newInputs: unknown): Promise<void> {
  const inputs = newInputs as LabelledInputs;
  const container = client.getContainer(inputs.name);
  let found: Docker.ContainerInspectInfo;
  try {
    found = await container.inspect();
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  if (found.Config.Labels[label.state] !== stateOf(inputs)) {
    throw heldByAnother("container", inputs.name, found.Config.Labels);
  }
  if (found.State.Running) await client.getContainer(found.Id).stop();
  await client.getContainer(found.Id).remove({ v: false, force: true });
}

interface PublishingInputs extends LabelledInputs {
  ports?: { ip: string; external: number }[];
}

/**
 * Before a container is created: stops a container of this very stack that listens on one of its ports of the host. A port
 * that passes from one service to another is free so, although the former container goes only at the end.
 */
export async function releasePorts(client: Docker, newInputs: unknown): Promise<void> {
  const inputs = newInputs as PublishingInputs;
  const { ports = [] } = inputs;
  if (ports.length === 0) return;
  const mine = await client.listContainers({ filters: { label: [`${label.state}=${stateOf(inputs) ?? ""}`] } });
  const isWanted = ({ IP: address, PublicPort: port }: Docker.Port) =>
    ports.some(
      ({ ip, external }) => external === port && [ip, address].some((one) => one === "0.0.0.0" || ip === address),
    );
  const holders = mine.filter(({ Ports: held }) => held.some(isWanted));
  await Promise.all(holders.map(({ Id: id }) => client.getContainer(id).stop()));
}

/**
 * Before a network is created: removes a network of the same name that a killed run of this very stack left behind, and
 * the leftover containers in it.
 *
 * @throws Error when the name is held by anything else.
 */
export async function removeLeftoverNetwork(client: Docker, newInputs: unknown): Promise<void> {
  const inputs = newInputs as LabelledInputs;
  const named = await client.listNetworks({ filters: { name: [inputs.name] } });
  for (const found of named.filter((network) => network.Name === inputs.name)) {
    if (found.Labels?.[label.state] !== stateOf(inputs)) {
      throw heldByAnother("network", inputs.name, found.Labels ?? {});
    }
    const network = client.getNetwork(found.Id);
    const { Containers: members } = (await network.inspect()) as { Containers?: Record<string, { Name: string }> };
    for (const { Name: name } of Object.values(members ?? {})) {
      await removeLeftoverContainer(client, { ...inputs, name });
    }
    await network.remove();
  }
}
