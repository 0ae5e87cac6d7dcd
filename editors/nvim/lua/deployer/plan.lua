-- Plans as buffers; an apply runs exactly the plan that was shown.
local buffer = require("deployer.buffer")
local cli = require("deployer.cli")
local target = require("deployer.target")

local M = {}

local SIGNS = {
  ACTION_CREATE = { "+", "create" },
  ACTION_UPDATE = { "!", "update" },
  ACTION_REPLACE = { "-", "replace" },
  ACTION_DELETE = { "-", "delete" },
}

local COUNTS = { { "create", "to create" }, { "update", "to update" }, { "replace", "to replace" }, { "delete", "to delete" }, { "unchanged", "unchanged" } }

--- Such as "1 to create, 3 unchanged".
function M.counts(plan)
  local parts = {}
  for _, count in ipairs(COUNTS) do
    local number = plan.counts and plan.counts[count[1]] or 0
    if number > 0 then
      table.insert(parts, number .. " " .. count[2])
    end
  end
  return #parts > 0 and table.concat(parts, ", ") or "nothing to do"
end

local function step_lines(step)
  local sign = SIGNS[step.action]
  local reason = step.reason ~= "" and (", " .. step.reason) or ""
  local found = { ("%s %s (%s): %s%s"):format(sign[1], step.component, step.type, sign[2], reason) }
  for _, change in ipairs(step.changes or {}) do
    table.insert(found, ("!     %s: %s -> %s"):format(change.name, change.before, change.after))
  end
  for _, resource in ipairs(step.resources or {}) do
    local loud = resource.permissions and "  PERMISSIONS CHANGE" or ""
    table.insert(found, ("!     %s %s %s%s"):format(resource.action, resource.type, resource.name, loud))
  end
  return found
end

--- The whole plan as lines, which the file type "diff" colours.
function M.lines(plan)
  local found = { ("# %s/%s"):format(plan.stack, plan.environment), "# " .. M.counts(plan), "" }
  if plan.needsApproval then
    table.insert(found, 3, "# Another person has to approve it first")
  end
  if (plan.lockedBy or "") ~= "" then
    table.insert(found, 3, "# Locked by " .. plan.lockedBy .. ": what they do is not in this plan")
  end
  if not plan.changes then
    table.insert(found, "No changes.")
  end
  for _, step in ipairs(plan.steps or {}) do
    if SIGNS[step.action] then
      vim.list_extend(found, step_lines(step))
    end
  end
  for _, warning in ipairs(plan.warnings or {}) do
    table.insert(found, "! Warning: " .. warning)
  end
  for _, refusal in ipairs(plan.refusals or {}) do
    table.insert(found, "- Refused: " .. refusal)
  end
  return vim.tbl_map(buffer.line, found)
end

local function ask(arguments, more, answer)
  -- What is planned is what is before one's eyes.
  vim.cmd("silent! update")
  local wanted, cwd = target.of_current(arguments)
  local command = vim.list_extend({ "plan" }, wanted)
  cli.ask(vim.list_extend(command, more), { cwd = cwd }, function(plan, code, report)
    if code ~= 0 or not plan then
      return cli.complain("Cannot plan", report)
    end
    local shown = buffer.open(("deployer://plan/%s/%s"):format(plan.stack, plan.environment), "diff")
    buffer.put(shown, 0, -1, M.lines(plan))
    answer(plan, cwd)
  end)
end

--- Shows what an apply would do.
function M.show(arguments)
  ask(arguments, {}, function() end)
end

--- The options that give variables their values: a saved plan has none of the sensitive ones.
local function variables(arguments)
  local found = {}
  for index, argument in ipairs(arguments) do
    if argument == "--var" or argument == "--var-file" then
      vim.list_extend(found, { argument, arguments[index + 1] })
    elseif vim.startswith(argument, "--var=") or vim.startswith(argument, "--var-file=") then
      table.insert(found, argument)
    end
  end
  return found
end

--- Shows a plan, asks, and runs exactly that plan.
function M.apply(arguments)
  local file = vim.fn.tempname() .. ".plan"
  ask(arguments, { "--out", file }, function(plan, cwd)
    local question = ("Apply %s/%s? %s"):format(plan.stack, plan.environment, M.counts(plan))
    if not plan.changes then
      return vim.notify(("%s/%s: no changes"):format(plan.stack, plan.environment))
    end
    if require("deployer").settings.confirm(question) then
      local apply = vim.list_extend({ "apply", file, "--yes" }, variables(arguments))
      require("deployer.run").follow(apply, cwd, function()
        os.remove(file)
      end)
    end
  end)
end

return M
