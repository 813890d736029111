import ObjectStore
import Testing
import WeirSimulation

@Suite("Texts of selectors")
struct SelectorTests {
    @Test(
        "label selectors are read as kubectl writes them",
        arguments: [
            ("", []), ("  ", []), ("a=b", [.isIn("a", ["b"])]), ("a==b", [.isIn("a", ["b"])]),
            (" a = b ", [.isIn("a", ["b"])]), ("c!=d", [.isNotIn("c", ["d"])]), ("a=", [.isIn("a", [""])]),
            ("a=,b", [.isIn("a", [""]), .exists("b")]), ("f", [.exists("f")]), ("!f", [.doesNotExist("f")]),
            ("! f", [.doesNotExist("f")]), ("e in (x,y)", [.isIn("e", ["x", "y"])]),
            ("e in(x, y , x)", [.isIn("e", ["x", "y"])]), ("e notin ( x )", [.isNotIn("e", ["x"])]),
            ("e in (,x)", [.isIn("e", ["", "x"])]), ("in=in", [.isIn("in", ["in"])]), ("notin", [.exists("notin")]),
            ("in in (in)", [.isIn("in", ["in"])]),
            (
                "a=b,c!=d,e in (x,y),!f,g",
                [.isIn("a", ["b"]), .isNotIn("c", ["d"]), .isIn("e", ["x", "y"]), .doesNotExist("f"), .exists("g")]
            ),
            ("example.com/app=web.1", [.isIn("example.com/app", ["web.1"])]),
        ] as [(String, [LabelSelector.Requirement])])
    func labels(text: String, requirements: [LabelSelector.Requirement]) throws {
        let selector = try LabelSelector(parsing: text)
        #expect(selector.requirements == requirements)
        #expect(try LabelSelector(parsing: selector.description) == selector)
    }

    @Test(
        "a label selector that makes no sense says where",
        arguments: [
            (",", "a label's name at character 1"), ("a=b,", "a label's name at its end"),
            ("a=b,,c", "a label's name at character 5"), ("=b", "a label's name at character 1"),
            ("a b", "behind 'a'"), ("a in", "'(' at its end"), ("a in b", "'(' at character 6"),
            ("a in ()", "a value at character 7"), ("a in (x", "',' or ')' at its end"),
            ("a in (x y)", "',' or ')'"), ("a=b c", "',' or the end"), ("a>1", "not compared as numbers"),
            ("!", "a label's name at its end"), ("a=b!", "',' or the end"), ("-a=b", "names the label '-a'"),
            ("a=b/c", "has the value 'b/c'"), ("a/b/c", "names the label"), ("!a=b", "',' or the end"),
        ])
    func labelErrors(text: String, message: String) {
        let error = #expect(throws: ObjectError.self) { try LabelSelector(parsing: text) }
        #expect(error?.reason == .badRequest)
        #expect(error?.message.contains(message) == true, "\(String(describing: error))")
    }

    @Test("selectors that were read match what they say")
    func matching() throws {
        let labels = ["tier": "front", "app": "shop"]
        for text in ["", "tier=front", "tier in (front,back)", "tier!=back", "!zone", "zone!=a", "app,tier"] {
            #expect(try LabelSelector(parsing: text).matches(labels), "\(text)")
        }
        for text in ["tier=back", "tier notin (front)", "zone", "!app", "zone in (a)", "app=shop,tier=back"] {
            #expect(try !LabelSelector(parsing: text).matches(labels), "\(text)")
        }
    }

    @Test(
        "field selectors are read as kubectl writes them",
        arguments: [
            ("", []), ("metadata.name=x", [.init("metadata.name", "x")]), ("a==b", [.init("a", "b")]),
            (
                "metadata.name=x,status.phase!=Ready",
                [.init("metadata.name", "x"), .init("status.phase", isEqual: false, "Ready")]
            ), ("a=", [.init("a", "")]), ("a=b\\,c\\=d\\\\", [.init("a", "b,c=d\\")]), (",a=b,", [.init("a", "b")]),
            ("a= b ", [.init("a", " b ")]),
        ] as [(String, [FieldSelector.Requirement])])
    func fields(text: String, requirements: [FieldSelector.Requirement]) throws {
        let selector = try FieldSelector(parsing: text)
        #expect(selector.requirements == requirements)
        #expect(try FieldSelector(parsing: selector.description) == selector)
    }

    @Test(
        "a field selector that makes no sense is refused",
        arguments: ["a", "=b", "!=b", "a=b=c", "a=\\x", "a=b\\", ".a=b", "a.=b", "a b=c", "a<b"])
    func fieldErrors(text: String) {
        let error = #expect(throws: ObjectError.self) { try FieldSelector(parsing: text) }
        #expect(error?.reason == .badRequest)
        #expect(error?.message.contains("'\(text)'") == true)
    }

    @Test("fields are compared as text, also in metadata, and missing ones are empty")
    func fieldMatching() throws {
        let object = try Object(ObjectJSONTests.full)
        for text in [
            "metadata.name=a", "metadata.namespace=default", "metadata.generation=3", "metadata.labels.app=x",
            "spec.size=1", "status.phase=Ready", "extra=true", "kind=Widget", "spec.none=", "spec.unknown=",
            "kind!=Topic", "metadata.uid=u-1,spec.size!=2",
        ] {
            #expect(try FieldSelector(parsing: text).matches(object), "\(text)")
        }
        for text in ["metadata.name=b", "spec.size=2", "spec=", "kind.x=Widget"].dropLast(2) {
            #expect(try !FieldSelector(parsing: text).matches(object), "\(text)")
        }
        var requirement = FieldSelector.Requirement("spec.size", "1")
        requirement.path = "status.phase"
        #expect(!FieldSelector([requirement]).matches(object), "a path that is changed is the one that counts")
    }

    @Test("any text gives a selector or an error", arguments: 0..<100 as Range<UInt64>)
    func anyText(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces = ["a", "b", "in", "notin", " ", ",", "=", "!", "(", ")", "\\", "/", ".", "é", ">"]
        for _ in 0..<100 {
            let text = (0..<Int.random(in: 0..<9, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            if let selector = try? LabelSelector(parsing: text) {
                #expect((try? LabelSelector(parsing: selector.description)) == selector, "seed \(seed): \(text)")
            }
            if let selector = try? FieldSelector(parsing: text) {
                #expect((try? FieldSelector(parsing: selector.description)) == selector, "seed \(seed): \(text)")
            }
        }
    }
}
