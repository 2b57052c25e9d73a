import { createServer } from "node:net";

/** @typedef {import("./deployment.js").Deployment} Deployment */
/** @typedef {import("./deployment.js").Container} Container */

/** The Docker label of everything that a measurement creates; its value is the peer. */
export const PEER_LABEL = "slipway.bench";

/**
 * What one peer is to deploy: what the measured stack has, under names of its own.
 *
 * @typedef {object} Plan
 * @property {string} prefix - of all names
 * @property {Container[]} containers
 * @property {{ name: string, internal: boolean }[]} networks
 * @property {string[]} volumes
 * @property {{ name: string, imageId: string }[]} images
 * @property {string} peer
 */

/** Containers sleep instead of doing their work, and are hardly ever checked: a no-op only compares what they are. */
export const asleep = { entrypoint: ["sleep"], command: ["infinity"], test: ["CMD", "true"], interval: "1h0m0s" };

/**
 * @param {Deployment} deployment
 * @param {string} peer
 * @returns {Promise<Plan>}
 */
export async function planFor({ containers, networks, images }, peer) {
  const prefix = `slipway-bench-${peer}-`;
  const used = new Set(containers.map(({ image }) => image));
  return {
    peer,
    prefix,
    containers: await Promise.all(containers.map((container) => renamed(container, prefix))),
    networks: networks.map(({ name, internal }) => ({ name: prefix + name, internal })),
    volumes: [
      ...new Set(
        containers.flatMap(({ volumes }) =>
          volumes.flatMap(({ volumeName }) => (volumeName ? [prefix + volumeName] : [])),
        ),
      ),
    ],
    images: images.filter(({ imageId }) => used.has(imageId)),
  };
}

/**
 * @param {Container} container
 * @param {string} prefix
 * @returns {Promise<Container>}
 */
async function renamed(container, prefix) {
  return {
    ...container,
    name: prefix + container.name,
    hostname: prefix + container.hostname,
    // the stack's own labels would make the peer's containers count as the stack's
    labels: container.labels.map(({ label, value }) => ({ label: `${PEER_LABEL}.${label}`, value })),
    networksAdvanced: container.networksAdvanced.map(({ name, ...rest }) => ({ ...rest, name: prefix + name })),
    volumes: container.volumes.map(({ volumeName, ...rest }) => ({
      ...rest,
      ...(volumeName && { volumeName: prefix + volumeName }),
    })),
    ports: await Promise.all(
      container.ports.map(async ({ ip, internal }) => ({ ip, internal, external: await freePort(ip) })),
    ),
  };
}

/**
 * @param {string} address
 * @returns {Promise<number>}
 */
function freePort(address) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, address, () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}
