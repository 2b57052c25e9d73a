package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// exitShown is what the Node SDK exits with once it has reported the error itself.
const exitShown = 32

// host implements the engine's language runtime for Node.js.
type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string
	// running ends when the engine cancels or is gone; programs end with it.
	running context.Context
	cancel  context.CancelFunc
}

func newHost(ctx context.Context, engine string) *host {
	running, cancel := context.WithCancel(ctx)
	return &host{engine: engine, running: running, cancel: cancel}
}

// option returns a runtime option of Pulumi.yaml, or another value where it is not set.
func option[T any](info *pulumirpc.ProgramInfo, name string, otherwise T) T {
	if v, ok := info.GetOptions().AsMap()[name].(T); ok {
		return v
	}
	return otherwise
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version}, nil
}

func (h *host) GetRequiredPackages(
	_ context.Context, req *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	all, err := installed(req.GetInfo().GetProgramDirectory())
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.GetRequiredPackagesResponse{}
	for _, p := range all {
		if p.Pulumi.Resource {
			resp.Packages = append(resp.Packages, p.dependency())
		}
	}
	return resp, nil
}

func (h *host) GetRequiredPlugins(
	context.Context, *pulumirpc.GetRequiredPluginsRequest,
) (*pulumirpc.GetRequiredPluginsResponse, error) {
	return &pulumirpc.GetRequiredPluginsResponse{}, nil
}

// Run runs the program to its end. A program that fails is an error in the response, not of the call.
func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	fail := func(format string, args ...any) (*pulumirpc.RunResponse, error) {
		return &pulumirpc.RunResponse{Error: fmt.Sprintf(format, args...)}, nil
	}
	info := req.GetInfo()
	node, err := exec.LookPath("node")
	if err != nil {
		return fail("node is not on the PATH: %v", err)
	}
	run, err := find(info.GetProgramDirectory(), filepath.Join("@pulumi", "pulumi", "cmd", "run", "index.js"))
	if err != nil {
		return fail("@pulumi/pulumi is not installed for %s; run `npm ci` there", info.GetProgramDirectory())
	}

	args := strings.Fields(option(info, "nodeargs", ""))
	args = append(args, run,
		"--monitor", req.GetMonitorAddress(),
		"--engine", h.engine,
		"--project", req.GetProject(),
		"--stack", req.GetStack(),
		"--organization", req.GetOrganization(),
		"--pwd", req.GetPwd(),
		"--parallel", strconv.Itoa(int(req.GetParallel())),
		"--root-directory", info.GetRootDirectory(),
	)
	if req.GetDryRun() {
		args = append(args, "--dry-run")
	}
	entry := info.GetEntryPoint()
	if entry == "" {
		entry = "."
	}
	args = append(args, filepath.Join(info.GetProgramDirectory(), entry))
	args = append(args, req.GetArgs()...)

	// the SDK wants an object and a list even where there is no configuration
	config, err := json.Marshal(maps.Collect(maps.All(req.GetConfig())))
	if err != nil {
		return fail("configuration: %v", err)
	}
	secretKeys, err := json.Marshal(append([]string{}, req.GetConfigSecretKeys()...))
	if err != nil {
		return fail("configuration: %v", err)
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.running, cancel)()
	cmd := exec.CommandContext(ctx, node, args...)
	cmd.Dir = req.GetPwd()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"PULUMI_CONFIG="+string(config),
		"PULUMI_CONFIG_SECRET_KEYS="+string(secretKeys))
	if option(info, "typescript", true) {
		cmd.Env = append(cmd.Env, "PULUMI_NODEJS_TYPESCRIPT=true")
	}
	if ts := option(info, "tsconfig", ""); ts != "" {
		cmd.Env = append(cmd.Env, "PULUMI_NODEJS_TSCONFIG_PATH="+ts)
	}
	err = runAndDieTogether(cmd)
	if ctx.Err() != nil {
		return &pulumirpc.RunResponse{Bail: true}, nil
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if exit.ExitCode() == exitShown {
			return &pulumirpc.RunResponse{Bail: true}, nil
		}
		return fail("the program ended with %s", exit.ProcessState)
	}
	if err != nil {
		return fail("the program could not be run: %v", err)
	}
	return &pulumirpc.RunResponse{}, nil
}

// InstallDependencies serves `pulumi install`.
func (h *host) InstallDependencies(
	req *pulumirpc.InstallDependenciesRequest,
	server grpc.ServerStreamingServer[pulumirpc.InstallDependenciesResponse],
) error {
	verb := "install"
	if _, err := os.Stat(filepath.Join(req.GetInfo().GetProgramDirectory(), "package-lock.json")); err == nil {
		verb = "ci"
	}
	cmd := exec.CommandContext(server.Context(), "npm", verb, "--no-audit", "--no-fund")
	cmd.Dir = req.GetInfo().GetProgramDirectory()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if sendErr := server.Send(&pulumirpc.InstallDependenciesResponse{Stdout: out.Bytes()}); sendErr != nil {
		return sendErr
	}
	if err != nil {
		return fmt.Errorf("npm %s: %w", verb, err)
	}
	return nil
}

func (h *host) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{Executable: node, Version: strings.TrimSpace(string(out))}, nil
}

func (h *host) GetProgramDependencies(
	_ context.Context, req *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	dir := req.GetInfo().GetProgramDirectory()
	all, err := installed(dir)
	if err != nil {
		return nil, err
	}
	own, err := readPackage(filepath.Join(dir, "package.json"))
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.GetProgramDependenciesResponse{}
	for _, p := range all {
		if _, direct := own.Dependencies[p.Name]; direct || req.GetTransitiveDependencies() {
			resp.Dependencies = append(resp.Dependencies, &pulumirpc.DependencyInfo{Name: p.Name, Version: p.Version})
		}
	}
	return resp, nil
}

// Cancel ends the running program; the engine calls it when the user cancels.
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}
