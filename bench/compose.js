import { asleep, PEER_LABEL } from "./plan.js";

/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./deployment.js").Container} Container */

/**
 * @param {Plan} plan
 * @returns {string} a Compose file; JSON is YAML
 */
export function composeFile(plan) {
  const labels = { [PEER_LABEL]: plan.peer };
  return JSON.stringify(
    {
      name: "slipway-bench",
      services: Object.fromEntries(plan.containers.map((container) => [container.name, service(container, plan)])),
      networks: Object.fromEntries(
        plan.networks.map(({ name, internal }) => [name, { name, internal, driver: "bridge", labels }]),
      ),
      volumes: Object.fromEntries(plan.volumes.map((name) => [name, { name, labels }])),
    },
    null,
    2,
  );
}

/**
 * @param {string} text
 * @returns {string} without variables
 */
function literal(text) {
  return text.replaceAll("$", () => "$$");
}

/**
 * @param {Container} container
 * @param {Plan} plan
 */
function service(container, { images, peer }) {
  return {
    image: images.find(({ imageId }) => imageId === container.image)?.name,
    container_name: container.name,
    hostname: container.hostname,
    entrypoint: asleep.entrypoint,
    command: asleep.command,
    environment: (container.envs ?? []).map(literal),
    labels: {
      [PEER_LABEL]: peer,
      ...Object.fromEntries(container.labels.map(({ label, value }) => [label, literal(value)])),
    },
    user: container.user,
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges"],
    tmpfs: Object.entries(container.tmpfs).map(([path, options]) => `${path}:${options}`),
    volumes: container.volumes.map(({ volumeName, hostPath, containerPath, readOnly = false }) => ({
      type: volumeName ? "volume" : "bind",
      source: volumeName ?? hostPath,
      target: containerPath,
      read_only: readOnly,
    })),
    networks: Object.fromEntries(container.networksAdvanced.map(({ name, aliases = [] }) => [name, { aliases }])),
    extra_hosts: (container.hosts ?? []).map(({ host, ip }) => `${host}=${ip}`),
    mem_limit: `${container.memory}m`,
    cpu_shares: container.cpuShares,
    stop_signal: container.stopSignal,
    stop_grace_period: `${container.stopTimeout}s`,
    logging: { driver: container.logDriver, options: container.logOpts },
    restart: container.restart,
    ports: container.ports.map(({ ip, internal, external }) => ({
      host_ip: ip,
      target: internal,
      published: String(external),
    })),
    healthcheck: {
      test: asleep.test,
      interval: asleep.interval,
      timeout: container.healthcheck.timeout,
      retries: container.healthcheck.retries,
      start_period: container.healthcheck.startPeriod,
    },
  };
}
