# Reads a Vagrantfile in Vagrant's place, and prints what it declares as JSON: `ruby vagrant_stand_in.rb FILE`.
require "json"

# Takes whatever is assigned: `machine.cpus = 2` becomes {"cpus": 2}.
class Settings
  attr_reader :values

  def initialize
    @values = {}
  end

  def method_missing(name, *arguments)
    raise NoMethodError, "#{name} is not a setting" unless name.to_s.end_with?("=") && arguments.size == 1

    @values[name.to_s.chomp("=")] = arguments.first
  end

  def respond_to_missing?(name, _private = false)
    name.to_s.end_with?("=")
  end
end

# `config.vm`: its settings, folders, providers and provisioning steps.
class Machine < Settings
  attr_reader :folders, :providers, :steps

  def initialize
    super
    @folders = []
    @providers = {}
    @steps = []
  end

  def synced_folder(from, to, **options)
    @folders << { from: from, to: to, options: options }
  end

  def provider(name)
    settings = Settings.new
    yield settings
    @providers[name] = settings.values
  end

  def provision(name, type:, inline:, privileged: true, run: "once")
    raise ArgumentError, "#{name} is no shell script" unless type == "shell"

    @steps << { name: name, inline: inline, privileged: privileged, run: run }
  end
end

Config = Struct.new(:vm)

module Vagrant
  def self.configure(version)
    raise ArgumentError, "version #{version} is not known" unless version == "2"

    machine = Machine.new
    yield Config.new(machine)
    puts JSON.generate(
      settings: machine.values, folders: machine.folders, providers: machine.providers, steps: machine.steps
    )
  end
end

load ARGV.fetch(0)
