package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// nodePackage is the part of a package.json that matters here.
type nodePackage struct {
	Name         string            `json:"name"`
	Version      string            `json:"version"`
	Dependencies map[string]string `json:"dependencies"`
	Pulumi       struct {
		Resource bool   `json:"resource"`
		Name     string `json:"name"`
		Version  string `json:"version"`
		Server   string `json:"server"`
	} `json:"pulumi"`
}

// dependency tells the engine which plugin a package of resources needs.
func (p nodePackage) dependency() *pulumirpc.PackageDependency {
	name, version := p.Pulumi.Name, p.Pulumi.Version
	if name == "" {
		name = p.Name[strings.LastIndex(p.Name, "/")+1:]
	}
	if version == "" {
		version = p.Version
	}
	return &pulumirpc.PackageDependency{Name: name, Version: version, Kind: "resource", Server: p.Pulumi.Server}
}

func readPackage(file string) (nodePackage, error) {
	var p nodePackage
	data, err := os.ReadFile(file)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// installed returns every package at the top of the node_modules that serves a folder.
func installed(dir string) ([]nodePackage, error) {
	modules, err := find(dir, "")
	if err != nil {
		return nil, err
	}
	var all []nodePackage
	for _, glob := range []string{"*", "@*/*"} {
		files, err := filepath.Glob(filepath.Join(modules, glob, "package.json"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			p, err := readPackage(file)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// find returns a path inside node_modules as Node finds it: in the folder's own node_modules or in the nearest parent's.
func find(dir, path string) (string, error) {
	for d := dir; ; d = filepath.Dir(d) {
		candidate := filepath.Join(d, "node_modules", path)
		if _, err := os.Stat(candidate); err == nil {
			return candidate, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("%s in node_modules of %s or its parents: %w", path, dir, fs.ErrNotExist)
		}
	}
}
