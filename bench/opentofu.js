import { asleep, PEER_LABEL } from "./plan.js";

/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./deployment.js").Container} Container */

/** The provider's address in OpenTofu's registry. */
const PROVIDER = "kreuzwerker/docker";

/**
 * @param {Plan} plan
 * @param {string} host - the Docker engine's URL
 * @returns {string} an OpenTofu configuration in JSON
 */
export function tofuConfiguration(plan, host) {
  const labels = [{ label: PEER_LABEL, value: plan.peer }];
  return JSON.stringify(
    {
      terraform: { required_providers: { docker: { source: PROVIDER } } },
      provider: { docker: { host } },
      resource: {
        docker_image: Object.fromEntries(plan.images.map(({ name }) => [key(name), { name, keep_locally: true }])),
        docker_network: Object.fromEntries(
          plan.networks.map(({ name, internal }) => [key(name), { name, internal, driver: "bridge", labels }]),
        ),
        docker_volume: Object.fromEntries(plan.volumes.map((name) => [key(name), { name, labels }])),
        docker_container: Object.fromEntries(
          plan.containers.map((container) => [key(container.name), containerResource(container, plan)]),
        ),
      },
    },
    null,
    2,
  );
}

/**
 * @param {string} name
 * @returns {string} as OpenTofu allows for names of its own
 */
function key(name) {
  return name.replaceAll(/[^\w-]/g, "_");
}

/**
 * @param {string} text
 * @returns {string} without references
 */
function literal(text) {
  return text.replaceAll(/[$%](?=\{)/g, (sign) => sign + sign);
}

/**
 * @param {Container} container
 * @param {Plan} plan
 */
function containerResource(container, { images, peer }) {
  const image = images.find(({ imageId }) => imageId === container.image)?.name ?? "";
  return {
    name: container.name,
    hostname: container.hostname,
    image: `\${docker_image.${key(image)}.image_id}`,
    entrypoint: asleep.entrypoint,
    command: asleep.command,
    env: (container.envs ?? []).map(literal),
    labels: [
      { label: PEER_LABEL, value: peer },
      ...container.labels.map(({ label, value }) => ({ label, value: literal(value) })),
    ],
    user: container.user,
    read_only: true,
    capabilities: [{ drop: ["ALL"] }],
    security_opts: ["no-new-privileges"],
    tmpfs: container.tmpfs,
    volumes: container.volumes.map(({ volumeName, hostPath, containerPath, readOnly = false }) => ({
      container_path: containerPath,
      read_only: readOnly,
      ...(volumeName ? { volume_name: `\${docker_volume.${key(volumeName)}.name}` } : { host_path: hostPath }),
    })),
    network_mode: "bridge",
    networks_advanced: container.networksAdvanced.map(({ name, aliases = [] }) => ({
      name: `\${docker_network.${key(name)}.name}`,
      aliases,
    })),
    host: container.hosts ?? [],
    memory: container.memory,
    cpu_shares: container.cpuShares,
    stop_signal: container.stopSignal,
    stop_timeout: container.stopTimeout,
    destroy_grace_seconds: container.stopTimeout,
    log_driver: container.logDriver,
    log_opts: container.logOpts,
    restart: container.restart,
    ports: container.ports,
    healthcheck: [
      {
        test: asleep.test,
        interval: asleep.interval,
        timeout: container.healthcheck.timeout,
        retries: container.healthcheck.retries,
        start_period: container.healthcheck.startPeriod,
      },
    ],
    lifecycle: { ignore_changes: ["memory_swap"] },
  };
}
