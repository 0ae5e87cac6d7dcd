-- The health of components in the quickfix list, at the lines where they are written.
local cli = require("deployer.cli")
local target = require("deployer.target")

local M = {}

local TYPES = { Healthy = "I", Unknown = "W", Drifted = "W", Degraded = "W", Missing = "E" }

local function places(shown)
  local found = {}
  for _, component in ipairs(shown and shown.components or {}) do
    found[component.id] = { filename = component.file, lnum = component.line }
  end
  return found
end

--- Puts every component into the quickfix list, those that ail first.
function M.quickfix(arguments)
  local wanted, cwd = target.of_current(arguments)
  local status = vim.list_extend({ "status" }, wanted)
  cli.ask(status, { cwd = cwd }, function(answer, _, report)
    -- It also exits with 1 where something is not healthy.
    if not answer or not answer.components then
      return cli.complain("Cannot tell the status", report)
    end
    cli.ask(vim.list_extend({ "stack", "show" }, { "--stack", answer.stack }), { cwd = cwd }, function(shown)
      local at, items = places(shown), {}
      for _, component in ipairs(answer.components) do
        local place = at[component.component] or {}
        local reason = component.reason ~= "" and (": " .. component.reason) or ""
        table.insert(items, {
          filename = place.filename,
          lnum = place.lnum,
          type = TYPES[component.health] or "W",
          text = ("%s %s%s"):format(component.component, component.health, reason),
        })
      end
      table.sort(items, function(a, b)
        return (a.type == "I" and 1 or 0) < (b.type == "I" and 1 or 0)
      end)
      local title = ("deployer: %s/%s"):format(answer.stack, answer.environment)
      vim.fn.setqflist({}, " ", { title = title, items = items })
      vim.cmd("copen")
    end)
  end)
end

return M
