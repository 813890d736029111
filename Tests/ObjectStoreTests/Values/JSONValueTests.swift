import ObjectStore
import Testing
import WeirSimulation

@Suite struct JSONValueTests {
    @Test func placeholder() throws { #expect(try JSONValue(parsing: "[1]") == [1]) }
}
