"""Java, JavaScript, TypeScript, Go and Rust; the truths are planted."""

# ruff: noqa: E501 - a planted file is one line

from __future__ import annotations

from .repositories import graph_of, line, out_of

_JAVA = {
    "src/main/java/org/shop/Client.java": """
        package org.shop;
        import org.shop.io.*;
        import static org.shop.io.Names.clean;
        public class Client extends Base implements Sender {
            private final Cart cart = new Cart();
            public Client(String name) { super(name); }
            public void send(Writer writer, Unknown unknown) {
                cart.fill();
                this.cart.fill();
                close();
                writer.write(1);
                clean("a");
                Names.shorten("b");
                String.valueOf(3);
                unknown.surprise();
                var other = new Client("x");
                other.send(null, null);
            }
        }
        """,
    "src/main/java/org/shop/Base.java": "package org.shop;\nclass Base { void close() {} }\n",
    "src/main/java/org/shop/Cart.java": "package org.shop;\nclass Cart { void fill() {} }\n",
    "src/main/java/org/shop/Sender.java": "package org.shop;\ninterface Sender { }\n",
    "src/main/java/org/shop/io/Writer.java": "package org.shop.io;\npublic class Writer { void write(int a) {} }\n",
    "src/main/java/org/shop/io/Names.java": """
        package org.shop.io;
        public class Names {
            public static void clean(String a) {}
            public static void shorten(String a) {}
        }
        """,
    "src/test/java/org/shop/ClientTest.java": """
        package org.shop;
        class ClientTest { void sends() { new Client("a").close(); } }
        """,
}


def test_java_follows_fields_parameters_packages_and_static_imports() -> None:
    assert out_of(_JAVA, "src/main/java/org/shop/Client.java", "calls") == [
        "Client -> src/main/java/org/shop/Cart.java:Cart (resolved: same package)",
        "Client.Client -> src/main/java/org/shop/Base.java:Base (resolved: base class, by super)",
        "Client.send -> src/main/java/org/shop/Cart.java:Cart.fill (resolved: class of an attribute)",
        "Client.send -> src/main/java/org/shop/Cart.java:Cart.fill (resolved: class of an attribute)",
        "Client.send -> src/main/java/org/shop/Base.java:Base.close (resolved: own class, inherited)",
        "Client.send -> src/main/java/org/shop/io/Writer.java:Writer.write (resolved: class of a parameter)",
        "Client.send -> src/main/java/org/shop/io/Names.java:Names.clean (resolved: imported by name)",
        "Client.send -> src/main/java/org/shop/io/Names.java:Names.shorten (resolved: star import)",
        "Client.send -> src/main/java/org/shop/Client.java:Client (resolved: same file)",
        "Client.send -> src/main/java/org/shop/Client.java:Client.send (resolved: class of a variable)",
    ]
    assert out_of(_JAVA, "src/main/java/org/shop/Client.java", "inherits") == [
        "Client -> src/main/java/org/shop/Base.java:Base (resolved: same package)",
        "Client -> src/main/java/org/shop/Sender.java:Sender (resolved: same package)",
    ]


def test_a_java_test_is_of_the_package_that_it_tests() -> None:
    path = "src/test/java/org/shop/ClientTest.java"
    assert out_of(_JAVA, path, "tests") == [
        "(file) -> src/main/java/org/shop/Client.java (inferred: a test named after the file)",
        "ClientTest.sends -> src/main/java/org/shop/Base.java:Base.close (resolved: called by a test)",
        "ClientTest.sends -> src/main/java/org/shop/Client.java:Client (resolved: called by a test)",
    ]


_JAVA_CHESTS = {
    "shop/Chest.java": """
        package shop;
        public class Chest<T> extends Crate<T, String> {
            static final Chest<Lid> SPARE = new Chest<>();
            Lid lid;
            Lid lid() { return lid; }
            Chest<T> add(Object one) { return this; }
            void shut() {}
        }
        """,
    "shop/Crate.java": "package shop;\nabstract class Crate<A, B> { Crate() { this(1); }\nCrate(int a) {}\nvoid lift() {} }\n",
    "shop/Lid.java": "package shop;\nclass Lid implements AutoCloseable { void turn() {} public void close() {} }\n",
    "shop/Size.java": "package shop;\nenum Size { SMALL, LARGE; Chest<Lid> chest() { return null; } }\n",
}


def _java(body: str) -> list[str]:
    """Return the calls out of a class beside the chests, as `target certainty`."""
    path = "shop/Use.java"
    head = "package shop;\nimport java.util.*;\nimport org.absent.Maker;\n"
    found = graph_of(_JAVA_CHESTS | {path: f"{head}class Use {{\n{body}\n}}\n"}).edges_from(path)
    return [f"{edge.target} {edge.certainty}" for edge in found if edge.kind == "calls"]


def test_java_members_of_a_generic_base_are_inherited() -> None:
    assert _java("void f(Map<String, Chest<Lid>> m, Chest<Lid> chest) { chest.lift(); m.lift(); }") == [
        "Crate.lift resolved"
    ]


def test_a_java_chain_is_followed_through_arguments_comments_and_casts() -> None:
    chain = """void f(Object o) {
        new Chest<Lid>()
            .add(list(1, "(")) // so (that
            .add((x) -> { x.go(); })
            .shut();
        ((Chest<Lid>) o).add(1).lid().turn();
        "text".shut();
    }"""
    assert sorted(_java(chain)) == [
        "Chest resolved",
        "Chest.add resolved",
        "Chest.add resolved",
        "Chest.lid resolved",
        "Chest.shut resolved",
        "Lid.turn resolved",
    ]


def test_a_java_variable_hides_no_method_and_a_constant_no_class() -> None:
    body = """static final Object Size = new Size();
        void f() { Lid lid = lid(); lid.turn(); }
        void g(String turn) { turn.lift(); }
        Lid lid() { return null; }
        Chest<Lid> turn() { return null; }"""
    assert _java(body) == ["Size resolved", "Lid.turn resolved", "Use.lid resolved", "Crate.lift inferred"]


def test_a_java_parameter_is_that_of_its_own_overload() -> None:
    body = "void f(Chest<Lid> one) { one.shut(); }\nvoid f(Lid one, int a) { one.turn(); }"
    assert _java(body) == ["Chest.shut resolved", "Lid.turn resolved"]


def test_a_java_constructor_calls_another_of_its_class_or_of_the_base() -> None:
    big = "package shop;\nclass Big extends Chest<Lid> { Big() { super(); } }\n"
    files = _JAVA_CHESTS | {"shop/Big.java": big}
    assert out_of(files, "shop/Big.java", "calls") == [
        "Big.Big -> shop/Chest.java:Chest (resolved: base class, by super)"
    ]
    inbound = graph_of(files).edges_to("shop/Crate.java", "Crate")
    assert [line(edge) for edge in inbound if edge.kind == "calls"] == [
        "Crate.Crate calls shop/Crate.java:Crate"
    ]


def test_java_variables_of_loops_resources_patterns_and_lambdas_have_types() -> None:
    body = """void f(List<Lid> lids, Object o) {
        for (Lid one : lids) { one.turn(); }
        try (Lid two = get()) { two.turn(); }
        if (o instanceof Lid three) { three.turn(); }
        go((Lid four) -> four.turn());
        Optional<Chest<Lid>> none;
        none.shut();
        Chest<Lid> five, six;
        five.shut();
        six.shut();
    }
    record Pair(Lid left) { void f() { left.turn(); } }"""
    assert _java(body) == [
        "Lid.turn resolved",
        "Lid.turn resolved",
        "Lid.turn resolved",
        "Lid.turn resolved",
        "Chest.shut resolved",
        "Chest.shut resolved",
        "Lid.turn resolved",
    ]


def test_java_constants_are_of_their_type_and_those_of_an_enum_of_the_enum() -> None:
    body = (
        "void f() { Chest.SPARE.shut(); Size.SMALL.chest().shut(); }\nclass In { void g() { Use.this.f(); } }"
    )
    assert sorted(_java(body)) == [
        "Chest.shut resolved",
        "Chest.shut resolved",
        "Size.chest resolved",
        "Use.f resolved",
    ]


def test_java_guesses_nothing_on_classes_from_elsewhere() -> None:
    body = (
        "Maker maker;\nvoid f() { Maker.turn(); new Maker().a().turn(); maker.turn(); Maker.class.turn(); }"
    )
    assert _java(body) == []


def test_a_java_anonymous_class_may_override_what_is_called() -> None:
    body = "void f() { new Lid() {}.turn();\nnew Lid() { void turn() {} }.turn(); }"
    assert _java(body)[:2] == ["Lid resolved", "Lid.turn resolved"]
    assert [one for one in _java(body)[2:] if one.endswith("resolved")] == ["Lid resolved"]


_SCRIPTS = {
    "lib/app.js": """
        var app = exports = module.exports = {};
        app.init = function init() { this.load(); };
        app.load = function load() { helper(); };
        function helper() { return app.init(); }
        """,
    "lib/shop.js": """
        const { join: glue, cut } = require('./text');
        const text = require('./text');
        const make = require('./make');
        module.exports = Shop;
        class Shop extends require('x').Base {
          constructor() { super(); this.till = new Till(); }
          open() { this.till.ring(); glue(); cut(); text.cut(); return make(); }
        }
        class Till { ring() {} }
        """,
    "lib/text.js": "exports.join = function join() {};\nfunction cut() {}\nexports.cut = cut;\n",
    "lib/make.js": "module.exports = function makeIt() {};\n",
    "src/index.ts": "export * from './parts';\nexport { default as Door } from './door';\n",
    "src/parts.ts": "export function hinge(): void {}\nexport const handle = () => 1;\n",
    "src/door.tsx": "export default class Door { shut() {} }\n",
    "src/use.ts": """
        import { hinge, Door } from '.';
        import Gate, * as all from './door.js';
        import { handle as grip } from './parts';
        import React from 'react';
        class House {
          constructor(private readonly door: Door) {}
          lock() { this.door.shut(); hinge(); grip(); React.render(); }
        }
        const gate: Gate = new Gate();
        gate.shut();
        """,
}


def test_scripts_follow_objects_requires_and_what_a_module_is_as_a_whole() -> None:
    assert out_of(_SCRIPTS, "lib/app.js", "calls") == [
        "app.init -> lib/app.js:app.load (resolved: own object)",
        "app.load -> lib/app.js:helper (resolved: same file)",
        "helper -> lib/app.js:app.init (resolved: same file)",
    ]
    assert out_of(_SCRIPTS, "lib/shop.js", "calls") == [
        "Shop.constructor -> lib/shop.js:Till (resolved: same file)",
        "Shop.open -> lib/make.js:module.exports (resolved: imported by name)",
        "Shop.open -> lib/shop.js:Till.ring (resolved: class of an attribute)",
        "Shop.open -> lib/text.js:cut (resolved: imported by name)",
        "Shop.open -> lib/text.js:cut (resolved: attribute of an imported module)",
        "Shop.open -> lib/text.js:join (resolved: imported by name)",
    ]


def test_typescript_follows_re_exports_default_exports_and_parameter_properties() -> None:
    assert out_of(_SCRIPTS, "src/use.ts", "calls") == [
        "House.lock -> src/door.tsx:Door.shut (resolved: class of an attribute)",
        "House.lock -> src/parts.ts:handle (resolved: imported by name)",
        "House.lock -> src/parts.ts:hinge (resolved: imported by name, re-exported)",
        "(file) -> src/door.tsx:Door (resolved: imported by name)",
        "(file) -> src/door.tsx:Door.shut (resolved: class of a variable)",
    ]
    assert out_of(_SCRIPTS, "src/use.ts", "imports") == [
        "(file) -> src/door.tsx:Door (resolved: imported by name, re-exported)",
        "(file) -> src/parts.ts:hinge (resolved: imported by name, re-exported)",
        "(file) -> src/door.tsx (resolved: imported module)",
        "(file) -> src/door.tsx:Door (resolved: imported by name)",
        "(file) -> src/parts.ts:handle (resolved: imported by name)",
    ]


def test_a_module_that_only_passes_another_one_on_is_called_as_that_one() -> None:
    files = {
        "index.js": "module.exports = require('./lib/make');\n",
        "parts.js": "exports.make = require('./lib/make');\nexports.spare = require('./lib/make').spare;\n",
        "lib/make.js": "exports = module.exports = make;\nfunction make() {}\nexports.spare = function () {};\n",
        "use.js": """
            var make = require('./');
            var parts = require('./parts');
            make();
            make.spare();
            parts.make();
            parts.spare();
            """,
    }
    assert out_of(files, "use.js", "calls") == [
        "(file) -> lib/make.js:make (resolved: imported by name)",
        "(file) -> lib/make.js:spare (resolved: attribute of an imported module)",
        "(file) -> lib/make.js:make (resolved: imported by name)",
        "(file) -> lib/make.js:spare (resolved: attribute of an imported module, re-exported)",
    ]


def test_a_private_method_of_a_script_is_no_function_of_that_name() -> None:
    files = {
        "a.ts": """
            function send() {}
            class Base { constructor() {} }
            class Client extends Base {
              constructor() { super(); this.#send(); send(); }
              #send() {}
            }
            """
    }
    assert out_of(files, "a.ts", "calls") == [
        "Client.constructor -> a.ts:Base (resolved: base class, by super)",
        "Client.constructor -> a.ts:Client.#send (resolved: own class)",
        "Client.constructor -> a.ts:send (resolved: same file)",
    ]
    graph = graph_of(files)
    assert [edge.source for edge in graph.edges_to("a.ts", "Client.#send")] == ["Client.constructor"]
    assert [edge.source for edge in graph.edges_to("a.ts", "Base")] == ["Client", "Client.constructor"]


def test_a_function_whose_prototype_has_members_is_a_class_and_one_with_inner_functions_none() -> None:
    files = {
        "till.js": """
            module.exports = Till;
            function Till() { this.drawer = new Drawer(); inner(); function inner() {} }
            Till.prototype.ring = function () {
              var self = this;
              later(() => self.open());
            };
            Till.prototype.open = function () { this.drawer.pull(); ring(); };
            function Drawer() {}
            Drawer.prototype = { pull() { return this; } };
            """,
        "use.js": """
            const Till = require('./till');
            const till = new Till();
            till.ring();
            till.inner();
            """,
    }
    assert out_of(files, "till.js", "calls") == [
        "Till -> till.js:Drawer (resolved: same file)",
        "Till -> till.js:Till.inner (resolved: same scope)",
        "Till.ring -> till.js:Till.open (resolved: class of a variable)",
        "Till.open -> till.js:Drawer.pull (resolved: class of an attribute)",
    ]
    assert out_of(files, "use.js", "calls")[:2] == [
        "(file) -> till.js:Till (resolved: imported by name)",
        "(file) -> till.js:Till.ring (resolved: class of a variable)",
    ]


def test_a_member_of_an_object_is_no_name_of_its_file() -> None:
    files = {
        "tools.js": """
            export const tools = { cut() { this.glue(); }, glue() {} };
            start({ check() {} });
            check();
            cut();
            Date.now = () => 0;
            Date.now();
            """,
        "all.js": "function join() {}\nexport default { join, merge() {} };\n",
        "use.js": """
            import { tools } from './tools';
            import all from './all';
            tools.cut();
            all.join();
            all.merge();
            """,
    }
    assert out_of(files, "tools.js", "calls") == ["tools.cut -> tools.js:tools.glue (resolved: own object)"]
    assert out_of(files, "use.js", "calls") == [
        "(file) -> tools.js:tools.cut (resolved: imported by name)",
        "(file) -> all.js:join (resolved: attribute of an imported module)",
        "(file) -> all.js:merge (resolved: attribute of an imported module)",
    ]


def test_a_call_on_what_a_method_returns_follows_this_but_no_return_of_a_callback() -> None:
    files = {
        "a.js": """
            class Query {
              where() { return this; }
              each() { this.rows.map(() => { return new Row(); }); }
              run() {}
            }
            class Row { run() {} }
            const query = () => new Query();
            const some = query().where();
            const none = new Query().each();
            some.run();
            none.run();
            """
    }
    assert out_of(files, "a.js", "calls") == [
        "Query.each -> a.js:Row (resolved: same file)",
        "query -> a.js:Query (resolved: same file)",
        "(file) -> a.js:Query.where (resolved: class of what the call before gives)",
        "(file) -> a.js:query (resolved: same file)",
        "(file) -> a.js:Query (resolved: same file)",
        "(file) -> a.js:Query.each (resolved: class of what the call before gives)",
        "(file) -> a.js:Query.run (resolved: class of a variable)",
        "(file) -> a.js:Query.run (ambiguous: by name: one of several)",
        "(file) -> a.js:Row.run (ambiguous: by name: one of several)",
    ]


def test_a_package_of_the_repository_is_imported_by_the_name_that_it_gives_itself() -> None:
    files = {
        "package.json": '{\n"name": "shop",\n"main": "./lib/main.js"\n}\n',
        "lib/main.js": "exports.open = function () {};\n",
        "packages/till/package.json": '{\n"name": "@shop/till",\n"main": "dist/index.js"\n}\n',
        "packages/till/src/index.ts": "export function ring() {}\n",
        "packages/till/src/coins.ts": "export function count() {}\n",
        "packages/door/src/use.ts": """
            import { ring } from '@shop/till';
            import { count } from '@shop/till/coins';
            import { open } from 'shop';
            import { close } from '@shop/elsewhere';
            ring(); count(); open(); close();
            """,
    }
    assert out_of(files, "packages/door/src/use.ts", "calls") == [
        "(file) -> lib/main.js:open (resolved: imported by name)",
        "(file) -> packages/till/src/coins.ts:count (resolved: imported by name)",
        "(file) -> packages/till/src/index.ts:ring (resolved: imported by name)",
    ]
    graph = graph_of(files)
    assert [edge.source_path for edge in graph.edges_to("lib/main.js")] == []
    assert [edge.source_path for edge in graph.edges_to("lib/main.js", "open")] == [
        "packages/door/src/use.ts",
        "packages/door/src/use.ts",
    ]


def test_a_declaration_file_is_no_candidate_beside_what_it_declares() -> None:
    files = {
        "lib/till.js": "class Till { ring() {} }\n",
        "types/till.d.ts": "export declare class Till { ring(): void; }\n",
        "use.js": "export function use(till) { till.ring(); }\n",
    }
    assert out_of(files, "use.js", "calls") == [
        "use -> lib/till.js:Till.ring (inferred: by name: the only one)"
    ]


_GO = {
    "go.mod": "module example.com/shop\n\ngo 1.22\n",
    "server.go": """
        package shop
        import (
            "fmt"
            in "example.com/shop/internal/store"
        )
        type Server struct {
            Base
            store *in.Store
        }
        func (s *Server) Run() {
            s.store.Open()
            s.log()
            s.stop()
            in.New().Open()
            fmt.Println("x")
            helper()
            other := Server{}
            other.Run()
        }
        """,
    "base.go": "package shop\ntype Base struct{}\nfunc (b *Base) log() {}\nfunc (s *Server) stop() {}\nfunc helper() {}\n",
    "internal/store/store.go": "package store\ntype Store struct{}\nfunc New() *Store { return nil }\nfunc (s *Store) Open() {}\n",
    "internal/store/store_test.go": "package store\nfunc helper() {}\nfunc TestOpen() { New().Open(); helper() }\n",
    "other/help.go": "package other\nfunc helper() {}\n",
}


def test_go_follows_packages_receivers_fields_and_embedded_types() -> None:
    assert out_of(_GO, "server.go", "calls") == [
        "Server.Run -> internal/store/store.go:Store.Open (resolved: class of an attribute)",
        "Server.Run -> base.go:Base.log (resolved: class of a parameter, inherited)",
        "Server.Run -> base.go:Server.stop (resolved: class of a parameter)",
        "Server.Run -> internal/store/store.go:New (resolved: attribute of an imported module)",
        "Server.Run -> internal/store/store.go:Store.Open (resolved: class of what the call before gives)",
        "Server.Run -> base.go:helper (resolved: same package)",
        "Server.Run -> server.go:Server.Run (resolved: class of a variable)",
    ]
    assert out_of(_GO, "server.go", "inherits") == ["Server -> base.go:Base (resolved: same package)"]
    assert out_of(_GO, "server.go", "imports") == [
        "(file) -> internal/store/store.go (resolved: imported package)"
    ]
    assert out_of(_GO, "internal/store/store_test.go", "calls")[-1] == (
        "TestOpen -> internal/store/store_test.go:helper (resolved: same file)"
    )


_GO_BOXES = {
    "go.mod": "module example.com/shop\n",
    "box/box.go": """
        package box
        type Lid struct{}
        type Box struct{ top, spare *Lid }
        type Shutter interface{ Shut() }
        var (
            Spare *Box = made()
            Hook = func() {}
        )
        var _ Shutter = (*Box)(nil)
        func (b *Box) Shut() {}
        func (l *Lid) Turn() {}
        func made() (b *Box, err error) { return nil, nil }
        """,
}


def _go(body: str) -> list[str]:
    """Return the calls out of a file beside the boxes, as `target certainty`."""
    path = "box/use.go"
    found = graph_of(_GO_BOXES | {path: f'package box\nimport "net/http"\n{body}\n'}).edges_from(path)
    return [f"{edge.target} {edge.certainty}" for edge in found if edge.kind == "calls"]


def test_a_go_method_sees_no_other_method_without_its_receiver() -> None:
    body = "func (b *Box) Open() { Close() }\nfunc (b *Box) Close() {}\nfunc Close() {}"
    assert _go(body) == ["Close resolved"]


def test_go_values_of_literals_assertions_and_function_literals_have_types() -> None:
    body = """func f(v any) {
        (&Box{}).Shut()
        v.(*Box).Shut()
        new(Lid).Turn()
        serve(func(one, two *Lid) { two.Turn() })
        lid := v.(*Lid)
        lid.Turn()
        same := lid
        same.Turn()
    }"""
    assert _go(body) == [
        "Box.Shut resolved",
        "Box.Shut resolved",
        "Lid.Turn resolved",
        "Lid.Turn resolved",
        "Lid.Turn resolved",
        "Lid.Turn resolved",
    ]


def test_go_follows_named_results_and_receivers_without_a_name() -> None:
    body = """func (Box) f(r *http.Request) {
        b, _ := made()
        b.Shut()
        b.top.Turn()
        b.spare.Turn()
        r.URL.Turn()
    }"""
    assert _go(body) == ["made resolved", "Box.Shut resolved", "Lid.Turn resolved", "Lid.Turn resolved"]


def test_a_go_variable_of_the_package_has_a_type_and_is_no_function() -> None:
    assert _go("func f() { Spare.Shut(); Hook() }") == ["Box.Shut resolved"]


def test_what_lives_inside_a_function_is_no_candidate_elsewhere() -> None:
    files = {
        "a.js": """
            function fake() {
              answer.text = function () { return "x"; };
              return something.text();
            }
            function other(page) { return page.text(); }
            """,
        "b.js": "export function read(page) { return page.text(); }\n",
    }
    assert out_of(files, "a.js", "calls") == [
        "fake -> a.js:fake.answer.text (inferred: by name: the only one)"
    ]
    assert out_of(files, "b.js", "calls") == []


_RUST = {
    "src/main.rs": """
        mod shop;
        use crate::shop::{till::Till, open as start};
        use std::fmt::Debug;
        fn main() {
            start();
            let till = Till::new();
            till.ring();
            shop::till::count();
            crate::shop::open();
        }
        """,
    "src/shop/mod.rs": "pub mod till;\npub fn open() { self::till::count(); }\n",
    "src/shop/till.rs": """
        use super::open;
        pub struct Till { inner: Inner }
        struct Inner;
        impl Inner { fn turn(&self) {} }
        impl Till {
            pub fn new() -> Self { Self::checked() }
            fn checked() -> Till { Till { inner: Inner } }
            pub fn ring(&self) { self.inner.turn(); self.log(); open(); }
        }
        impl Log for Till {}
        pub trait Log { fn log(&self) {} }
        pub fn count() {}
        """,
}


def test_a_macro_of_rust_is_no_function_and_a_function_no_macro() -> None:
    files = {
        "src/main.rs": """
            #[macro_use] mod tools;
            fn format() {}
            fn main() {
                let text = format!("{}", 1);
                format();
                twice!(text);
                tools::thrice();
                log::info!("done");
            }
            """,
        "src/tools.rs": "macro_rules! twice { () => {} }\npub fn thrice() {}\npub fn info() {}\n",
    }
    assert out_of(files, "src/main.rs", "calls") == [
        "main -> src/main.rs:format (resolved: same file)",
        "main -> src/tools.rs:twice (resolved: the only macro of that name)",
        "main -> src/tools.rs:thrice (resolved: attribute of an imported module)",
    ]


def test_rust_follows_modules_use_impl_blocks_and_traits() -> None:
    assert out_of(_RUST, "src/main.rs", "calls") == [
        "main -> src/shop/mod.rs:open (resolved: imported by name)",
        "main -> src/shop/till.rs:Till.new (resolved: imported by name)",
        "main -> src/shop/till.rs:Till.ring (resolved: class of a variable)",
        "main -> src/shop/till.rs:count (resolved: attribute of an imported module)",
        "main -> src/shop/mod.rs:open (resolved: attribute of an imported module)",
    ]
    assert out_of(_RUST, "src/shop/till.rs", "calls") == [
        "Till.new -> src/shop/till.rs:Till.checked (resolved: own class)",
        "Till.ring -> src/shop/mod.rs:open (resolved: imported by name)",
        "Till.ring -> src/shop/till.rs:Inner.turn (resolved: class of an attribute)",
        "Till.ring -> src/shop/till.rs:Log.log (resolved: own class, inherited)",
    ]
    assert out_of(_RUST, "src/shop/mod.rs", "calls") == [
        "open -> src/shop/till.rs:count (resolved: attribute of an imported module)"
    ]


def test_chains_are_followed_and_types_of_other_crates_have_no_members_here() -> None:
    files = {
        "src/main.rs": """
            struct Order;
            impl Order {
                fn new() -> Self { Order }
                fn arg(self, name: &str) -> Self { self }
                fn run(&self) {}
            }
            fn other() -> assert_cmd::Command { todo!() }
            fn main() {
                Order::new()
                    .arg("a")
                    .arg("b").run();
                other().arg("c");
                assert_cmd::Command::new().arg("d");
            }
            """,
    }
    assert out_of(files, "src/main.rs", "calls") == [
        "main -> src/main.rs:Order.arg (resolved: class of what the call before gives)",
        "main -> src/main.rs:Order.new (resolved: same file)",
        "main -> src/main.rs:Order.run (resolved: class of what the call before gives)",
        "main -> src/main.rs:other (resolved: same file)",
    ]
