// Writes the Python SDK of a schema, with the generator that Pulumi's own language host for Python uses:
// python-sdk schema.json folder
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// Resources of other packages, whose SDKs are large: here, they have the type Any.
var elsewhere = regexp.MustCompile(`"\$ref": "/[^"]*"`)

// Nothing asks for other packages then.
type noLoader struct{ schema.ReferenceLoader }

func generate(schemaFile, folder string) error {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		return err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(elsewhere.ReplaceAll(text, []byte(`"$$ref": "pulumi.json#/Any"`)), &spec); err != nil {
		return err
	}
	spec.Dependencies = nil
	pkg, diagnostics, err := schema.BindSpec(spec, noLoader{}, schema.ValidationOptions{})
	if err != nil {
		return err
	}
	if diagnostics.HasErrors() {
		return diagnostics
	}
	files, err := python.GeneratePackage("postgis-backup", pkg, nil, noLoader{})
	if err != nil {
		return err
	}
	for name, content := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		// The libraries turn the logger off.
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
