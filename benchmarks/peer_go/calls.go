// Where Go's type checker leads the calls of a folder: a reference for bench_graph.py --led.
//
//	go run benchmarks/peer_go/calls.go FOLDER > CALLS        Go 1.19 or later
//
// Packages of the folder's modules are checked from source, tests included; what depends on absent modules
// stays open. Standard output is JSON: a list of [path, first byte, end, [[path, line], ...]], one for each
// call; conversions and built-in functions are no calls. The list inside holds the function or method that is
// called (of an interface: its method there). What is declared outside of the folder, and a variable that
// holds a function, have the path "". What cannot be told is an empty list.
package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"log"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

var moduleLine = regexp.MustCompile(`(?m)^\s*module\s+"?([^\s"]+)`)

type checker struct {
	root     string
	set      *token.FileSet
	modules  map[string]string // folder by module path
	known    map[string]*types.Package
	standard types.Importer
	calls    []any
}

func main() {
	root, err := filepath.Abs(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	set := token.NewFileSet()
	c := &checker{
		root:     root,
		set:      set,
		modules:  map[string]string{},
		known:    map[string]*types.Package{},
		standard: importer.ForCompiler(set, runtime.Compiler, nil),
		calls:    []any{},
	}
	var folders []string
	err = filepath.WalkDir(root, func(place string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "go.mod" {
			if text, err := os.ReadFile(place); err == nil {
				if found := moduleLine.FindSubmatch(text); found != nil {
					c.modules[string(found[1])] = filepath.Dir(place)
				}
			}
		}
		if err == nil && entry.IsDir() {
			folders = append(folders, place)
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, folder := range folders {
		c.checkTests(folder)
	}
	if err := json.NewEncoder(os.Stdout).Encode(c.calls); err != nil {
		log.Fatal(err)
	}
}

// Import returns a package of the folder, checked without its tests, or one of the standard library.
func (c *checker) Import(name string) (*types.Package, error) {
	if known, ok := c.known[name]; ok {
		if known == nil {
			return nil, errors.New("import cycle")
		}
		return known, nil
	}
	folder := c.folderOf(name)
	if folder == "" {
		return c.standard.Import(name)
	}
	c.known[name] = nil
	for _, files := range c.parse(folder, false) {
		c.known[name], _ = c.check(name, files)
	}
	if c.known[name] == nil {
		return nil, errors.New("no package")
	}
	return c.known[name], nil
}

func (c *checker) folderOf(name string) string {
	for module := name; module != "."; module = path.Dir(module) {
		if folder, ok := c.modules[module]; ok {
			return filepath.Join(folder, strings.TrimPrefix(name, module))
		}
	}
	return ""
}

// checkTests checks the packages of a folder, those of its tests included, and keeps their calls.
func (c *checker) checkTests(folder string) {
	for name, files := range c.parse(folder, true) {
		_, info := c.check(name, files)
		for _, file := range files {
			ast.Inspect(file, func(node ast.Node) bool {
				if call, ok := node.(*ast.CallExpr); ok {
					c.add(call, info)
				}
				return true
			})
		}
	}
}

// parse returns the files of a folder that belong to a build on this machine, by the name of the package.
func (c *checker) parse(folder string, tests bool) map[string][]*ast.File {
	packages := map[string][]*ast.File{}
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		name := entry.Name()
		isTest := strings.HasSuffix(name, "_test.go")
		fits, _ := build.Default.MatchFile(folder, name)
		if !strings.HasSuffix(name, ".go") || isTest && !tests || !fits {
			continue
		}
		file, _ := parser.ParseFile(c.set, filepath.Join(folder, name), nil, parser.SkipObjectResolution)
		if file != nil {
			packages[file.Name.Name] = append(packages[file.Name.Name], file)
		}
	}
	return packages
}

func (c *checker) check(name string, files []*ast.File) (*types.Package, *types.Info) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: c, FakeImportC: true, Error: func(error) {}}
	checked, _ := config.Check(name, c.set, files, info)
	return checked, info
}

func (c *checker) add(call *ast.CallExpr, info *types.Info) {
	if kind := info.Types[call.Fun]; kind.IsType() || kind.IsBuiltin() {
		return
	}
	file, start := c.place(call.Pos())
	c.calls = append(c.calls, []any{file, start.Offset, c.set.Position(call.End()).Offset, c.places(call.Fun, info)})
}

func (c *checker) places(called ast.Expr, info *types.Info) [][]any {
	switch called := called.(type) {
	case *ast.ParenExpr:
		return c.places(called.X, info)
	case *ast.IndexExpr:
		return c.places(called.X, info)
	case *ast.IndexListExpr:
		return c.places(called.X, info)
	case *ast.SelectorExpr:
		if name, ok := called.X.(*ast.Ident); ok && info.Uses[called.Sel] == nil {
			if imported, ok := info.Uses[name].(*types.PkgName); ok && c.folderOf(imported.Imported().Path()) == "" {
				return [][]any{{"", 0}} // of an absent package
			}
		}
		return c.object(info.Uses[called.Sel])
	case *ast.Ident:
		return c.object(info.Uses[called])
	}
	return [][]any{}
}

func (c *checker) object(object types.Object) [][]any {
	switch object := object.(type) {
	case *types.Func:
		file, place := c.place(object.Origin().Pos())
		return [][]any{{file, place.Line}}
	case *types.Var:
		return [][]any{{"", 0}}
	}
	return [][]any{}
}

// place returns the path in the folder, "" for one outside of it.
func (c *checker) place(pos token.Pos) (string, token.Position) {
	position := c.set.Position(pos)
	inside, err := filepath.Rel(c.root, position.Filename)
	if err != nil || !position.IsValid() || strings.HasPrefix(inside, "..") {
		return "", token.Position{}
	}
	return filepath.ToSlash(inside), position
}
