-- Commands and autocommands of the plugin. What they do is loaded when somebody uses it.
if vim.g.loaded_deployer then
  return
end
vim.g.loaded_deployer = true

local function command(name, module, act, options)
  vim.api.nvim_create_user_command(name, function(given)
    require(module)[act](given.fargs)
  end, vim.tbl_extend("force", { nargs = "*" }, options or {}))
end

command("DeployerPlan", "deployer.plan", "show", { desc = "Plan the stack of this file: [ENVIRONMENT] [OPTIONS]" })
command("DeployerApply", "deployer.plan", "apply", { desc = "Plan, confirm and apply exactly that: [ENVIRONMENT] [OPTIONS]" })
command("DeployerAttach", "deployer.run", "attach", { desc = "Follow a run, also one of a terminal: [RUN]" })
command("DeployerCancel", "deployer.run", "cancel", { desc = "Cancel a run: [RUN]" })
command("DeployerStatus", "deployer.status", "quickfix", { desc = "The health of components in the quickfix list: [ENVIRONMENT]" })
command("DeployerValidate", "deployer.problems", "check", { nargs = 0, desc = "Check this file now" })

local group = vim.api.nvim_create_augroup("deployer", {})
vim.api.nvim_create_autocmd({ "BufReadPost", "BufWritePost", "TextChanged", "TextChangedI" }, {
  group = group,
  pattern = { "stack.yaml", "*/services/*.yaml" },
  callback = function(event)
    require("deployer.problems").soon(event.buf)
  end,
})
